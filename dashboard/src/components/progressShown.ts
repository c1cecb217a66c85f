/** Whether a bar tells anything of a task. Pure. */
import type { Task } from "../api/types";

/**
 * How far it is, or how far its last attempt got; null where a bar would be empty.
 *
 * Many functions never report progress: then only its status tells anything.
 */
export function shownProgress({ progress }: Pick<Task, "progress">): number | null {
  return progress >= 1 ? progress : null;
}

/** The same on a task's own page, where a running one has its bar before its first progress. */
export function ownProgress(task: Pick<Task, "progress" | "status">): number | null {
  return task.status === "running" ? task.progress : shownProgress(task);
}
