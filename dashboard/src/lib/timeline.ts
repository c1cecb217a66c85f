/** What has happened to a task, and what is fixed to happen, in order. Pure. */
import type { Attempt, Task } from "../api/types";

export type MomentKind =
  | "created"
  | "scheduled"
  | "handedOut"
  | "started"
  | "cancelRequested"
  | "cancelAcknowledged"
  | "ended"
  | "finished"
  | "expires";

export interface Moment {
  readonly kind: MomentKind;
  /** A time of the API. */
  readonly at: string;
  /** The attempt that it is about, where it is about one. */
  readonly attempt: number | null;
  /** The worker of a start, the outcome of an end. */
  readonly detail: string | null;
  /** Why it ended so, where the API says it. */
  readonly reason: string | null;
  /** Seconds since the moment before; null of the first. */
  readonly seconds: number | null;
  /** It has not come yet. */
  readonly future: boolean;
}

type Bare = Omit<Moment, "seconds" | "future">;

/** What goes first of two things at the same time. */
const ORDER: readonly MomentKind[] = [
  "created",
  "scheduled",
  "handedOut",
  "started",
  "cancelRequested",
  "cancelAcknowledged",
  "ended",
  "finished",
  "expires",
];

/** The moments of a task and its attempts, the earliest first; `now` in milliseconds. */
export function timeline(task: Task, attempts: readonly Attempt[], now: number): Moment[] {
  const bare = [...ofTask(task), ...attempts.flatMap((attempt) => ofAttempt(task, attempt))];
  bare.sort((a, b) => at(a) - at(b) || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  return bare.map((moment, place) => {
    const before = bare[place - 1];
    return {
      ...moment,
      seconds: before ? (at(moment) - at(before)) / 1000 : null,
      future: at(moment) > now,
    };
  });
}

/** At most about `most` of them: the first few and the latest, and how many are between. */
export function shorten(
  moments: readonly Moment[],
  most: number,
): { first: readonly Moment[]; leftOut: number; last: readonly Moment[] } {
  if (moments.length <= most) return { first: moments, leftOut: 0, last: [] };
  const first = moments.slice(0, 3);
  const last = moments.slice(first.length - most);
  return { first, leftOut: moments.length - most, last };
}

function at(moment: Bare): number {
  return Date.parse(moment.at);
}

function moment(kind: MomentKind, time: string | null, more: Partial<Bare> = {}): Bare[] {
  if (time === null) return [];
  return [{ kind, at: time, attempt: null, detail: null, reason: null, ...more }];
}

function ofTask(task: Task): Bare[] {
  const pending = task.status === "pending";
  return [
    ...moment("created", task.created_at),
    ...moment("scheduled", task.scheduled_at),
    ...moment("handedOut", task.dispatched_at),
    ...moment("finished", task.completed_at, { detail: task.status, reason: task.reason }),
    ...moment("expires", pending ? task.expires_at : null),
  ];
}

function ofAttempt(task: Task, attempt: Attempt): Bare[] {
  const of = { attempt: attempt.attempt };
  // The end of the last one is the end of the task, which is told already.
  const last = attempt.attempt === task.attempt && task.completed_at !== null;
  return [
    ...moment("started", attempt.started_at, { ...of, detail: attempt.worker }),
    ...moment("cancelRequested", attempt.cancel_requested_at, of),
    ...moment("cancelAcknowledged", attempt.cancel_acknowledged_at, of),
    ...moment("ended", last ? null : attempt.ended_at, { ...of, detail: attempt.outcome }),
  ];
}
