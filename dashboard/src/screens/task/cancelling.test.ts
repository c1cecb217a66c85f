import { expect, test } from "vitest";
import type { Attempt, Explanation } from "../../api/types";
import { cancelling } from "./cancelling";

const TOLD = "2026-11-27T08:00:00Z";
const KNOWN = "2026-11-27T08:00:01Z";
const FORCE = "2026-11-27T08:00:30Z";

function explained(data: Record<string, unknown>): Explanation {
  const reason = { code: "cancel_requested", sentence: "", cure: "", data };
  return { reasons: [reason], status: "running" } as unknown as Explanation;
}

function attempt(more: Partial<Attempt>): Attempt {
  return {
    cancel_requested_at: null,
    cancel_acknowledged_at: null,
    stopped_at: null,
    stopped_by: null,
    ...more,
  } as Attempt;
}

test("without a cancel there are no stages", () => {
  expect(cancelling(undefined, [])).toBeNull();
  expect(cancelling(undefined, [attempt({})])).toBeNull();
});

test("an attempt that has been told is known before the list of attempts is read", () => {
  const told = explained({ stage: "told", requested_at: TOLD, force_at: FORCE });
  expect(cancelling(told, [])).toEqual({
    stages: [
      { name: "told", at: TOLD },
      { name: "acknowledged", at: null },
      { name: "stopped", at: null },
    ],
    overdue: false,
    forceAt: FORCE,
    stoppedBy: null,
  });
});

test("an attempt whose grace is over is overdue", () => {
  const overdue = explained({ stage: "overdue", requested_at: TOLD, force_at: FORCE });
  const running = attempt({ cancel_requested_at: TOLD, cancel_acknowledged_at: KNOWN });
  const found = cancelling(overdue, [running]);
  expect(found?.overdue).toBe(true);
  expect(found?.stages[1]?.at).toBe(KNOWN);
});

test("an attempt that has stopped says how, and is forced no more", () => {
  const late = explained({ stage: "overdue", requested_at: TOLD, force_at: FORCE });
  const stopped = attempt({
    cancel_requested_at: TOLD,
    stopped_at: FORCE,
    stopped_by: "forced",
  });
  const found = cancelling(late, [attempt({}), stopped]);
  expect(found).toMatchObject({ overdue: false, forceAt: null, stoppedBy: "forced" });
  expect(found?.stages[2]).toEqual({ name: "stopped", at: FORCE });
});
