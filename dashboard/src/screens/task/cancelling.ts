/** How far a cancel of a running attempt has come. Pure. */
import type { Attempt, Explanation } from "../../api/types";

export type StageName = "told" | "acknowledged" | "stopped";

export interface Stage {
  readonly name: StageName;
  /** When it was reached; null while it is not, or where it never was. */
  readonly at: string | null;
}

export interface Cancelling {
  readonly stages: readonly Stage[];
  /** Its grace is over, and it still runs. */
  readonly overdue: boolean;
  /** When it is ended by force; null once it has stopped. */
  readonly forceAt: string | null;
  readonly stoppedBy: Attempt["stopped_by"];
}

/** What the API explains of a running task, and its latest attempt; null without a cancel. */
export function cancelling(
  explanation: Explanation | undefined,
  attempts: readonly Attempt[],
): Cancelling | null {
  const latest = attempts.at(-1);
  const reason = explanation?.reasons.find(({ code }) => code === "cancel_requested");
  const data: Readonly<Record<string, unknown>> = reason?.data ?? {};
  const told = latest?.cancel_requested_at ?? time(data.requested_at);
  if (told === null) return null;
  const stopped = latest?.stopped_at ?? null;
  return {
    stages: [
      { name: "told", at: told },
      { name: "acknowledged", at: latest?.cancel_acknowledged_at ?? time(data.acknowledged_at) },
      { name: "stopped", at: stopped },
    ],
    overdue: stopped === null && data.stage === "overdue",
    forceAt: stopped === null ? time(data.force_at) : null,
    stoppedBy: latest?.stopped_by ?? null,
  };
}

function time(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
