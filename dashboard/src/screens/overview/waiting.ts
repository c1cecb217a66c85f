/** Which pending tasks have waited longest since their time came. Pure. */
import type { Task } from "../../api/types";

type Waiting = Pick<Task, "created_at" | "scheduled_at" | "status">;

/** When it was, or is, to run: milliseconds. */
export function dueAt({ created_at, scheduled_at }: Omit<Waiting, "status">): number {
  const created = Date.parse(created_at);
  return scheduled_at === null ? created : Math.max(created, Date.parse(scheduled_at));
}

/** At most `most` of them, the longest wait first; `now` in milliseconds. */
export function longestWaits<T extends Waiting>(
  tasks: readonly T[],
  now: number,
  most: number,
): readonly T[] {
  return tasks
    .filter((task) => task.status === "pending" && dueAt(task) <= now)
    .toSorted((a, b) => dueAt(a) - dueAt(b))
    .slice(0, most);
}

/** Whether so many were found that none created after `last` can have waited longer than they. */
export function areLongest(found: readonly Waiting[], most: number, last: Waiting): boolean {
  const shortest = found[most - 1];
  return shortest !== undefined && dueAt(shortest) <= Date.parse(last.created_at);
}
