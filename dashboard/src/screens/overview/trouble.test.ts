import { expect, test } from "vitest";
import type { Queue } from "../../api/types";
import { LONG_WAIT_SECONDS, troubleOf, worstFirst } from "./trouble";

function queue(name: string, more: Partial<Queue> = {}): Queue {
  return {
    ...{ name, depth: 0, dispatched: 0, scheduled: 0, running: 0, workers: 1 },
    ...{ depth_by_priority: { low: 0, normal: 0, high: 0, critical: 0 } },
    ...{ oldest_wait_seconds: null, paused: false, paused_at: null, paused_by: null },
    ...more,
  };
}

test("an empty queue is no trouble, even if nobody serves it", () => {
  expect(troubleOf(queue("mail", { workers: 0 }))).toBeNull();
});

test("tasks that no worker would take are trouble at once", () => {
  expect(troubleOf(queue("mail", { depth: 1, workers: 0 }))).toBe("unserved");
});

test("a long wait is trouble, a short one is not", () => {
  const waiting = (seconds: number) => queue("mail", { depth: 1, oldest_wait_seconds: seconds });
  expect(troubleOf(waiting(LONG_WAIT_SECONDS))).toBe("slow");
  expect(troubleOf(waiting(LONG_WAIT_SECONDS - 1))).toBeNull();
});

test("a paused queue is said to be paused, whatever waits in it", () => {
  const held = { paused: true, depth: 9, workers: 0, oldest_wait_seconds: 9_000 };
  expect(troubleOf(queue("mail", held))).toBe("paused");
});

test("queues that need somebody come first, the others by name", () => {
  const queues = [
    queue("b"),
    queue("a"),
    queue("paused", { paused: true }),
    queue("slow", { depth: 1, oldest_wait_seconds: 900 }),
    queue("unserved", { depth: 1, workers: 0 }),
  ];
  const names = worstFirst(queues).map((each) => each.name);
  expect(names).toEqual(["unserved", "slow", "paused", "a", "b"]);
});
