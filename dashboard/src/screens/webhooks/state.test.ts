import { expect, test } from "vitest";
import { oldSecretHolds, outcomeOf, stateOf } from "./state";

const WELL = { active: true, disabled_reason: null, failing_since: null };
const THEN = "2026-11-27T08:00:00Z";

test.each([
  [WELL, "active"],
  [{ ...WELL, failing_since: THEN }, "failing"],
  [{ ...WELL, active: false }, "off"],
  [{ ...WELL, active: false, failing_since: THEN }, "off"],
  [{ ...WELL, active: false, disabled_reason: "410" }, "disabled"],
] as const)("%j is %s", (webhook, state) => {
  expect(stateOf(webhook)).toBe(state);
});

test("the secret of before holds until its time has come", () => {
  const until = Date.parse(THEN);
  expect(oldSecretHolds({ previous_until: THEN }, until - 1)).toBe(true);
  expect(oldSecretHolds({ previous_until: THEN }, until)).toBe(false);
  expect(oldSecretHolds({ previous_until: null }, until)).toBe(false);
});

test.each([
  [{ response_status: 204, error: null }, "204"],
  [{ response_status: 500, error: "Refused" }, "500 · Refused"],
  [{ response_status: null, error: "No answer" }, "No answer"],
  [{ response_status: null, error: null }, "–"],
])("%j is told as %s", (delivery, line) => {
  expect(outcomeOf(delivery)).toBe(line);
});
