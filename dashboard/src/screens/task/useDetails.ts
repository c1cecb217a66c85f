/** What the API says about a task beside the task itself. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { useRefreshOn } from "../../api/queries";
import type { Attempt, Explanation, Task } from "../../api/types";
import { isFinished, taskKey } from "./useTask";

const EXPLAIN_MS = 3_000;
const STOPPING_MS = 2_000;
const CHECKPOINT_MS = 10_000;
const PAGE = 1_000;
const MOST_PAGES = 5;

/** Why it is not running: also things change it that do not change the task. */
export function useExplanation(task: Task) {
  const key = taskKey(task.id, "explain");
  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Explanation> =>
      bodyOf(
        await api.GET("/api/v1/tasks/{task_id}/explain", {
          params: { path: { task_id: task.id } },
          signal,
        }),
      ),
    refetchInterval: isFinished(task) ? false : EXPLAIN_MS,
  });
  useRefreshOn(task.version, key, 1_000);
  return query;
}

export interface Starts {
  readonly attempts: readonly Attempt[];
  /** There are more than were read. */
  readonly more: boolean;
}

async function readAttempts(id: string, signal: AbortSignal): Promise<Starts> {
  const attempts: Attempt[] = [];
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const after = attempts.at(-1)?.attempt ?? 0;
    const params = { path: { task_id: id }, query: { after, limit: PAGE } };
    const read = bodyOf(await api.GET("/api/v1/tasks/{task_id}/attempts", { params, signal }));
    attempts.push(...read);
    if (read.length < PAGE) return { attempts, more: false };
  }
  return { attempts, more: true };
}

/** Every start of the task, oldest first: read again when one starts, ends, or is told to stop. */
export function useAttempts(task: Task) {
  const stopping = task.status === "running" && task.cancel_requested_at !== null;
  return useQuery({
    queryKey: taskKey(
      task.id,
      "attempts",
      task.attempt,
      task.status,
      task.cancel_requested_at,
      task.completed_at,
    ),
    queryFn: ({ signal }) => readAttempts(task.id, signal),
    placeholderData: keepPreviousData,
    // That an attempt knows of it is no change of the task; a checkpoint is none either.
    refetchInterval: stopping ? STOPPING_MS : task.status === "running" ? CHECKPOINT_MS : false,
  });
}
