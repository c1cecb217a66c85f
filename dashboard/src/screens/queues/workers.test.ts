import { expect, test } from "vitest";
import type { Worker } from "../../api/types";
import { busySlots, inOrder, MOST_SQUARES, squaresOf, totalsOf } from "./workers";

function worker(name: string, more: Partial<Worker> = {}): Worker {
  return { name, slots: 4, running: [], live: true, stopping: false, ...more } as Worker;
}

test("each slot is a square, the busy ones first", () => {
  expect(squaresOf(worker("a", { slots: 3, running: ["x"] }))).toEqual([true, false, false]);
});

test("more tasks than slots fill the slots", () => {
  const burst = worker("a", { slots: 2, running: ["x", "y", "z"] });
  expect(busySlots(burst)).toBe(2);
  expect(squaresOf(burst)).toEqual([true, true]);
});

test("very many slots are not drawn one by one", () => {
  expect(squaresOf(worker("a", { slots: MOST_SQUARES }))).toHaveLength(MOST_SQUARES);
  expect(squaresOf(worker("a", { slots: MOST_SQUARES + 1 }))).toBeNull();
});

test("the live ones come first, those that stop behind them", () => {
  const workers = [
    worker("gone", { live: false }),
    worker("stopping", { stopping: true }),
    worker("b"),
    worker("a"),
  ];
  expect(inOrder(workers).map((each) => each.name)).toEqual(["a", "b", "stopping", "gone"]);
  expect(workers[0]?.name).toBe("gone");
});

test("only the live ones count together", () => {
  const workers = [
    worker("a", { running: ["x"] }),
    worker("b"),
    worker("gone", { live: false, running: ["y"] }),
  ];
  expect(totalsOf(workers)).toEqual({ live: 2, slots: 8, busy: 1 });
  expect(totalsOf([])).toEqual({ live: 0, slots: 0, busy: 0 });
});
