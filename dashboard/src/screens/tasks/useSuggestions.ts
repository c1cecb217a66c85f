/** What the fields of the filters offer. */
import { useFunctionNames, useQueueNames } from "../../api/queries";
import type { Task } from "../../api/types";

/** Longer words are nothing to choose from. */
const LONGEST = 200;

/** Values by filter: all functions and queues that there are, and what the shown rows have. */
export function useSuggestions(rows: readonly Task[]): Partial<Record<string, readonly string[]>> {
  const functions = useFunctionNames();
  const queues = useQueueNames();
  return {
    celery_task_name: sorted(
      functions,
      rows.map((task) => task.celery_task_name),
    ),
    queue: sorted(
      queues,
      rows.map((task) => task.queue),
    ),
    task_type: sorted(rows.map((task) => task.task_type)),
    tag: sorted(rows.flatMap((task) => task.tags)),
    owner_ref: sorted(rows.flatMap((task) => task.owner_ref ?? [])),
  };
}

function sorted(...lists: (readonly string[])[]): readonly string[] {
  const short = lists.flat().filter((text) => text !== "" && text.length <= LONGEST);
  return [...new Set(short)].sort();
}
