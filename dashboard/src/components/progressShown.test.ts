import { expect, test } from "vitest";
import type { Task } from "../api/types";
import { ownProgress, shownProgress } from "./progressShown";

function task(status: Task["status"], progress: number) {
  return { status, progress };
}

test("what has not begun, or ended without progress, has no bar", () => {
  for (const status of ["pending", "running", "failed", "revoked"] as const) {
    expect(shownProgress(task(status, 0))).toBeNull();
  }
  expect(shownProgress(task("running", 0.9))).toBeNull();
});

test("what is under way, or ended part-way, has one", () => {
  expect(shownProgress(task("running", 1))).toBe(1);
  expect(shownProgress(task("failed", 40))).toBe(40);
  expect(shownProgress(task("succeeded", 100))).toBe(100);
});

test("on its own page a running task has a bar before its first progress", () => {
  expect(ownProgress(task("running", 0))).toBe(0);
  expect(ownProgress(task("pending", 0))).toBeNull();
  expect(ownProgress(task("revoked", 7))).toBe(7);
});
