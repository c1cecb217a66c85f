import { expect, test, vi } from "vitest";
import type { ErrorGroupRetry } from "../../api/types";
import { NOTHING, percentDone, retryAll } from "./retrying";

function answer(started: number, refused: string[], left: number): ErrorGroupRetry {
  return {
    ids: Array.from({ length: started }, (_, number) => `new-${number}`),
    refused: refused.map((task_id) => ({ task_id, detail: "does not fit" })),
    left,
  };
}

/** Gives these answers, one after the other, and the last one ever after. */
function api(...answers: ErrorGroupRetry[]) {
  return vi.fn(async () => (answers.length > 1 ? answers.shift() : answers[0]) as ErrorGroupRetry);
}

const never = () => false;
const nobody = () => undefined;

test("it is repeated until nothing is left", async () => {
  const ask = api(answer(1000, [], 1500), answer(1000, [], 500), answer(500, [], 0));
  const told: number[] = [];
  const end = await retryAll(ask, (soFar) => told.push(soFar.started), never);
  expect(end).toEqual({ started: 2500, refused: [], left: 0 });
  expect(told).toEqual([1000, 2000, 2500]);
});

test("what is refused is counted once, and is not waited for", async () => {
  const ask = api(answer(998, ["a", "b"], 12), answer(10, ["b", "a"], 2));
  const end = await retryAll(ask, nobody, never);
  expect(end.refused.map((each) => each.task_id)).toEqual(["a", "b"]);
  expect(end.left).toBe(0);
  expect(ask).toHaveBeenCalledTimes(2);
});

test("an answer that starts nothing is the last one", async () => {
  const ask = api(answer(0, ["a"], 5));
  expect((await retryAll(ask, nobody, never)).left).toBe(4);
  expect(ask).toHaveBeenCalledTimes(1);
});

test("tasks that fail again at once do not make it endless", async () => {
  const ask = api(answer(1000, [], 1000));
  const end = await retryAll(ask, nobody, never);
  expect(end).toEqual({ started: 2000, refused: [], left: 1000 });
});

test("it can be stopped between two requests", async () => {
  const ask = api(answer(1000, [], 9000));
  const end = await retryAll(ask, nobody, () => ask.mock.calls.length === 2);
  expect(end.started).toBe(2000);
});

test("what went well before an error is told", async () => {
  const told = vi.fn();
  const ask = vi.fn(async () => answer(1000, [], 500));
  ask.mockResolvedValueOnce(answer(1000, [], 1500)).mockRejectedValueOnce(new Error("away"));
  await expect(retryAll(ask, told, never)).rejects.toThrow("away");
  expect(told).toHaveBeenCalledWith({ started: 1000, refused: [], left: 1500 });
});

test("the share that is done counts what is refused", () => {
  expect(percentDone(NOTHING)).toBe(0);
  expect(percentDone({ started: 2, refused: answer(0, ["a"], 0).refused, left: 1 })).toBe(75);
});
