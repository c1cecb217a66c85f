import { expect, test } from "vitest";
import type { LogLine } from "../../api/types";
import { append, fromLevel, levelOf } from "./logLines";

function line(id: number, level = "info"): LogLine {
  return { id, level, attempt: 1, message: "", created_at: "" };
}

test.each([
  ["info", "info"],
  ["WARNING", "warning"],
  [" warn ", "warning"],
  ["critical", "error"],
  ["debug", "debug"],
  ["shout", "info"],
  ["constructor", "info"],
  ["", "info"],
])("%j counts as %s", (level, counted) => {
  expect(levelOf({ level })).toBe(counted);
});

test("a level keeps what is as bad and worse", () => {
  const lines = [line(1, "debug"), line(2), line(3, "warning"), line(4, "fatal")];
  expect(fromLevel(lines, "warning").map(({ id }) => id)).toEqual([3, 4]);
  expect(fromLevel(lines, "debug")).toBe(lines);
});

test("a line that is read twice is kept once", () => {
  const lines = append([line(1), line(2)], [line(2), line(3)]);
  expect(lines.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(append(lines, [])).toBe(lines);
});
