/** How long a task has waited and run. Pure: `now` is handed in, in milliseconds. */
import type { Task } from "../api/types";

type Waiting = Pick<Task, "created_at" | "scheduled_at" | "started_at" | "status">;
type Running = Pick<Task, "started_at" | "completed_at" | "status">;

/**
 * Seconds between when a task was due and its start; of one that is pending until now.
 *
 * Null for one that ended without ever having started.
 */
export function waitSeconds(task: Waiting, now: number): number | null {
  const due = Math.max(moment(task.created_at), moment(task.scheduled_at));
  if (task.status === "pending") return Math.max(0, (now - due) / 1000);
  if (task.started_at === null) return null;
  return Math.max(0, (moment(task.started_at) - due) / 1000);
}

/** Seconds of the last attempt, of one that runs until now; null before the first. */
export function runSeconds(task: Running, now: number): number | null {
  if (task.started_at === null) return null;
  if (task.status !== "running" && task.completed_at === null) return null;
  const end = task.completed_at === null ? now : moment(task.completed_at);
  return Math.max(0, (end - moment(task.started_at)) / 1000);
}

function moment(time: string | null): number {
  return time === null ? 0 : Date.parse(time);
}
