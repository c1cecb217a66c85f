import { expect, test } from "vitest";
import type { Queue } from "../../api/types";
import { needsOf, partsOf } from "./depth";

const NOTHING = { critical: 0, high: 0, normal: 0, low: 0 };

function shares(some: Partial<typeof NOTHING>): number[] {
  return partsOf({ ...NOTHING, ...some }).map((part) => part.share);
}

test("the bar is divided as the tasks are, the most urgent first", () => {
  expect(shares({ critical: 10, high: 20, normal: 30, low: 40 })).toEqual([10, 20, 30, 40]);
  expect(shares({ normal: 7 })).toEqual([0, 0, 100, 0]);
});

test("an empty queue has an empty bar", () => {
  expect(shares({})).toEqual([0, 0, 0, 0]);
});

test("one task among a million can be seen, and the bar stays full", () => {
  const parts = shares({ critical: 1, normal: 1_000_000 });
  expect(parts[0]).toBeGreaterThan(3);
  expect(parts.reduce((sum, share) => sum + share)).toBeCloseTo(100);
});

test("more tasks never have the smaller part", () => {
  const [critical = 0, high = 0, normal = 0, low = 0] = shares({
    critical: 1,
    high: 2,
    normal: 500,
    low: 501,
  });
  expect(critical).toBeLessThanOrEqual(high);
  expect(high).toBeLessThan(normal);
  expect(normal).toBeLessThan(low);
});

test.each([
  [{ depth: 3, workers: 0, paused: false }, ["unserved"]],
  [{ depth: 3, workers: 2, paused: true }, ["paused"]],
  [{ depth: 3, workers: 0, paused: true }, ["unserved", "paused"]],
  [{ depth: 3, workers: 2, paused: false }, []],
  [{ depth: 0, workers: 0, paused: true }, []],
])("a queue with %o needs %j", (queue, needs) => {
  expect(needsOf(queue as Queue)).toEqual(needs);
});
