import { expect, test } from "vitest";
import { runSeconds, waitSeconds } from "./task-times";

const NOW = Date.parse("2026-11-27T08:01:00Z");
const fresh = {
  status: "pending",
  created_at: "2026-11-27T08:00:00Z",
  scheduled_at: null,
  started_at: null,
  completed_at: null,
} as const;

test("a pending task has waited until now", () => {
  expect(waitSeconds(fresh, NOW)).toBe(60);
});

test("what is due later has not waited yet", () => {
  expect(waitSeconds({ ...fresh, scheduled_at: "2026-11-27T09:00:00Z" }, NOW)).toBe(0);
});

test("the wait ends with the start, and counts from when it was due", () => {
  const started = { ...fresh, status: "running", started_at: "2026-11-27T08:00:30Z" } as const;
  expect(waitSeconds(started, NOW)).toBe(30);
  expect(waitSeconds({ ...started, scheduled_at: "2026-11-27T08:00:20Z" }, NOW)).toBe(10);
});

test("what was revoked before its start has neither waited nor run", () => {
  const revoked = { ...fresh, status: "revoked", completed_at: "2026-11-27T08:00:10Z" } as const;
  expect(waitSeconds(revoked, NOW)).toBeNull();
  expect(runSeconds(revoked, NOW)).toBeNull();
});

test("a task runs until it is completed, or until now", () => {
  const running = { ...fresh, status: "running", started_at: "2026-11-27T08:00:30Z" } as const;
  expect(runSeconds(running, NOW)).toBe(30);
  const done = { ...running, status: "succeeded", completed_at: "2026-11-27T08:00:31.5Z" } as const;
  expect(runSeconds(done, NOW)).toBe(1.5);
});

test("what waits for its next attempt does not run", () => {
  expect(runSeconds({ ...fresh, started_at: "2026-11-27T08:00:30Z" }, NOW)).toBeNull();
});
