import { expect, test } from "vitest";
import { areLongest, dueAt, longestWaits } from "./waiting";

const NOW = Date.parse("2026-11-27T12:00:00Z");

function task(id: string, created: string, scheduled: string | null = null) {
  const at = (time: string) => `2026-11-27T${time}:00Z`;
  return {
    id,
    status: "pending" as const,
    created_at: at(created),
    scheduled_at: scheduled && at(scheduled),
  };
}

function ids(tasks: readonly ReturnType<typeof task>[], most = 5): string[] {
  return longestWaits(tasks, NOW, most).map(({ id }) => id);
}

test("a task is due when it was created, or when it is scheduled", () => {
  expect(dueAt(task("a", "08:00"))).toBe(Date.parse("2026-11-27T08:00:00Z"));
  expect(dueAt(task("a", "08:00", "09:00"))).toBe(Date.parse("2026-11-27T09:00:00Z"));
  expect(dueAt(task("a", "08:00", "07:00"))).toBe(Date.parse("2026-11-27T08:00:00Z"));
});

test("what is scheduled for later does not wait, however old it is", () => {
  const far = { ...task("far", "01:00"), scheduled_at: "2027-01-06T00:00:00Z" };
  expect(ids([far, task("due", "11:00"), task("soon", "11:00", "12:01")])).toEqual(["due"]);
});

test("the longest wait comes first, counted from when it was due", () => {
  const tasks = [task("late", "01:00", "11:59"), task("b", "11:00"), task("a", "10:00")];
  expect(ids(tasks)).toEqual(["a", "b", "late"]);
  expect(ids(tasks, 2)).toEqual(["a", "b"]);
});

test("what has started or ended meanwhile does not wait", () => {
  const running = { ...task("a", "08:00"), status: "running" as const };
  expect(longestWaits([running], NOW, 5)).toEqual([]);
});

test("tasks created later can only have waited longer than one that came due after that", () => {
  const found = [task("a", "08:00"), task("b", "01:00", "09:30")];
  expect(areLongest(found, 2, task("last", "10:00"))).toBe(true);
  expect(areLongest(found, 2, task("last", "09:00"))).toBe(false);
  expect(areLongest(found, 3, task("last", "10:00"))).toBe(false);
});
