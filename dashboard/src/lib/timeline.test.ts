import { expect, test } from "vitest";
import type { Attempt, Task } from "../api/types";
import { shorten, timeline } from "./timeline";

const NOW = Date.parse("2026-11-27T09:00:00Z");

function at(time: string): string {
  return `2026-11-27T${time}Z`;
}

function task(more: Partial<Task> = {}): Task {
  return {
    status: "pending",
    attempt: 0,
    reason: null,
    created_at: at("08:00:00"),
    scheduled_at: null,
    dispatched_at: null,
    completed_at: null,
    expires_at: null,
    ...more,
  } as Task;
}

function attempt(number: number, more: Partial<Attempt> = {}): Attempt {
  return {
    attempt: number,
    worker: "w1",
    outcome: "running",
    started_at: null,
    ended_at: null,
    cancel_requested_at: null,
    cancel_acknowledged_at: null,
    ...more,
  } as Attempt;
}

function kinds(one: Task, attempts: Attempt[] = []): string[] {
  return timeline(one, attempts, NOW).map((each) => each.kind);
}

test("a task that waits for its time has been created, and its times are to come", () => {
  const waiting = task({ scheduled_at: at("10:00:00"), expires_at: at("11:00:00") });
  const moments = timeline(waiting, [], NOW);
  expect(moments.map((each) => [each.kind, each.future])).toEqual([
    ["created", false],
    ["scheduled", true],
    ["expires", true],
  ]);
});

test("each moment says how long after the one before it came", () => {
  const running = task({ status: "running", attempt: 1, dispatched_at: at("08:00:02") });
  const moments = timeline(running, [attempt(1, { started_at: at("08:00:02.500") })], NOW);
  expect(moments.map((each) => each.seconds)).toEqual([null, 2, 0.5]);
});

test("the end of the last attempt is the end of the task, told once", () => {
  const failed = task({
    status: "failed",
    reason: "exception",
    attempt: 2,
    completed_at: at("08:02:00"),
  });
  const attempts = [
    attempt(1, { started_at: at("08:00:01"), ended_at: at("08:00:05"), outcome: "timeout" }),
    attempt(2, { started_at: at("08:01:00"), ended_at: at("08:02:00"), outcome: "failed" }),
  ];
  expect(kinds(failed, attempts)).toEqual(["created", "started", "ended", "started", "finished"]);
  const moments = timeline(failed, attempts, NOW);
  expect(moments[2]).toMatchObject({ attempt: 1, detail: "timeout", seconds: 4 });
  expect(moments[4]).toMatchObject({ detail: "failed", reason: "exception" });
});

test("a cancel stands between the start and the end", () => {
  const revoked = task({ status: "revoked", attempt: 1, completed_at: at("08:00:09") });
  const stopped = attempt(1, {
    started_at: at("08:00:01"),
    cancel_requested_at: at("08:00:08"),
    cancel_acknowledged_at: at("08:00:09"),
    ended_at: at("08:00:09"),
  });
  expect(kinds(revoked, [stopped])).toEqual([
    "created",
    "started",
    "cancelRequested",
    "cancelAcknowledged",
    "finished",
  ]);
});

test("what happens at the same time stands in the order in which it follows", () => {
  const quick = task({
    status: "succeeded",
    attempt: 1,
    dispatched_at: at("08:00:00"),
    completed_at: at("08:00:00"),
  });
  const same = attempt(1, { started_at: at("08:00:00"), ended_at: at("08:00:00") });
  expect(kinds(quick, [same])).toEqual(["created", "handedOut", "started", "finished"]);
});

test("a long history is its beginning and its end", () => {
  const attempts = Array.from({ length: 100 }, (_, number) =>
    attempt(number + 1, { started_at: at("08:00:01"), ended_at: at("08:00:02") }),
  );
  const moments = timeline(task({ attempt: 101 }), attempts, NOW);
  const { first, leftOut, last } = shorten(moments, 20);
  expect([first.length, leftOut, last.length]).toEqual([3, 181, 17]);
  expect(last.at(-1)).toBe(moments.at(-1));
});

test("a short history is told in full", () => {
  const moments = timeline(task(), [], NOW);
  expect(shorten(moments, 20)).toEqual({ first: moments, leftOut: 0, last: [] });
});
