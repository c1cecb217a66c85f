/** What runs now, of the tasks that are known. Pure. */
import type { Task } from "../../api/types";

/** The running ones, the latest start first, so that new ones are seen; ties by id. */
export function runningOf(tasks: Iterable<Task>): Task[] {
  const running = [...tasks].filter((task) => task.status === "running");
  const started = (task: Task) => (task.started_at ? Date.parse(task.started_at) : 0);
  return running.sort((a, b) => started(b) - started(a) || (a.id < b.id ? 1 : -1));
}
