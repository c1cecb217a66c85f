import { useQuery } from "@tanstack/react-query";
import { api, bodyOf, Problem } from "../../api/client";
import type { Task } from "../../api/types";
import { useLiveTask } from "../../live/hooks";

/** Where the answer about a task is kept; what belongs to the task is kept below it. */
export function taskKey(id: string, ...part: readonly unknown[]): readonly unknown[] {
  return ["task", id, ...part];
}

/** A stream may be cut off by something between for long; then this tells what has become of it. */
const LOOK_MS = 20_000;

/** The task as the API has it when it is asked. */
export function useTaskQuery(id: string) {
  return useQuery({
    queryKey: taskKey(id),
    queryFn: async ({ signal }): Promise<Task> =>
      bodyOf(
        await api.GET("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } }, signal }),
      ),
    refetchInterval: LOOK_MS,
  });
}

/** The newer of what was answered and what the task's own stream tells; null when it is gone. */
export function useNewestTask(answered: Task): Task | null {
  const told = useLiveTask(answered.id);
  if (told === null) return null;
  return told && told.version > answered.version ? told : answered;
}

/** Whether the API has said that there is no such task. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Problem && error.status === 404;
}

export function isFinished({ status }: Pick<Task, "status">): boolean {
  return status !== "pending" && status !== "running";
}
