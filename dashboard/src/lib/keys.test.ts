import { expect, test } from "vitest";
import { PATIENCE_MS, press, type Stroke } from "./keys";

const KNOWN = ["n", "g t", "g o", "?"];

function typed(...keys: [string, number][]): (string | null)[] {
  let before: Stroke | null = null;
  return keys.map(([key, at]) => {
    const { command, kept } = press(KNOWN, before, { key, at });
    before = kept;
    return command;
  });
}

test("one key is a command at once", () => {
  expect(typed(["n", 0])).toEqual(["n"]);
});

test("two keys are one command, when the second comes in time", () => {
  expect(typed(["g", 0], ["t", PATIENCE_MS])).toEqual([null, "g t"]);
  expect(typed(["g", 0], ["t", PATIENCE_MS + 1])).toEqual([null, null]);
});

test("a second key that fits nothing counts by itself", () => {
  expect(typed(["g", 0], ["n", 10])).toEqual([null, "n"]);
  expect(typed(["g", 0], ["g", 10], ["o", 20])).toEqual([null, null, "g o"]);
});

test("what is no command does nothing", () => {
  expect(typed(["y", 0], ["t", 10])).toEqual([null, null]);
});
