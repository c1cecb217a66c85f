/** Which live tasks belong to a list. Pure. */
import type { Task } from "../../api/types";
import type { Filters } from "../../lib/address";

const EXACT = [
  "task_type",
  "celery_task_name",
  "queue",
  "priority",
  "owner_ref",
  "parent_id",
] as const;

/** Whether a task is one of those that the filters ask for, as the API would decide it. */
export function fits(task: Task, filters: Filters): boolean {
  const { status, tag, q } = filters;
  return (
    (status.length === 0 || status.includes(task.status)) &&
    EXACT.every((name) => filters[name] === undefined || task[name] === filters[name]) &&
    (tag === undefined || task.tags.includes(tag)) &&
    (q === undefined || task.name.toLowerCase().includes(q.toLowerCase())) &&
    isCreatedWithin(task, filters)
  );
}

function isCreatedWithin(task: Task, filters: Filters): boolean {
  const { created_after: from, created_before: to } = filters;
  if (from === undefined && to === undefined) return true;
  const created = Date.parse(task.created_at);
  return (
    (from === undefined || created >= Date.parse(from)) &&
    (to === undefined || created < Date.parse(to))
  );
}

/**
 * Live tasks that belong to the first page and are not on it, newest first.
 *
 * `more`: there are further pages, so that what is older than the last row belongs to one of those.
 */
export function unseen(
  live: Iterable<Task>,
  rows: readonly Task[],
  more: boolean,
  filters: Filters,
): readonly Task[] {
  const shown = new Set(rows.map((task) => task.id));
  const oldest = more ? (rows.at(-1)?.id ?? "") : "";
  return [...live]
    .filter((task) => task.id > oldest && !shown.has(task.id) && fits(task, filters))
    .sort((one, other) => (one.id < other.id ? 1 : -1));
}
