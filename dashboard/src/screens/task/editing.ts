/** What the owner may change of a task, as the form has it. Pure. */
import type { Task, TaskPatch } from "../../api/types";
import { toLocal } from "../../lib/local-time";

export interface Editable {
  readonly name: string;
  readonly tags: readonly string[];
  readonly priority: number;
  /** A time of the API; null is at once. */
  readonly scheduledAt: string | null;
}

export function editableOf(task: Task): Editable {
  return {
    name: task.name,
    tags: task.tags,
    priority: task.priority,
    scheduledAt: task.scheduled_at,
  };
}

/** The change from one to the other; null when nothing is changed. */
export function changesFrom(before: Editable, after: Editable): TaskPatch | null {
  const changes: TaskPatch = {
    ...(after.name === before.name ? {} : { name: after.name }),
    ...(sameTags(before, after) ? {} : { tags: [...after.tags] }),
    ...(after.priority === before.priority ? {} : { priority: after.priority }),
    ...(sameTime(before, after) ? {} : { scheduled_at: after.scheduledAt }),
  };
  return Object.keys(changes).length > 0 ? changes : null;
}

/** A time as a field has it: in the viewer's zone, to the second; empty for null. */
export function toField(time: string | null): string {
  return (time !== null && toLocal(time)) || "";
}

function sameTags(before: Editable, after: Editable): boolean {
  return JSON.stringify(before.tags) === JSON.stringify(after.tags);
}

/** To the second: that is all a field shows. */
function sameTime(before: Editable, after: Editable): boolean {
  return toField(before.scheduledAt) === toField(after.scheduledAt);
}
