import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Task } from "../api/types";
import { LiveTasks, MOST } from "./tasks";

function task(id: string, version: number, more: Partial<Task> = {}): Task {
  return { id, version, name: id, ...more } as Task;
}

function names(live: LiveTasks): string[] {
  return [...live.tasks.values()].map((each) => `${each.id}@${each.version}`);
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the first view is shown as a whole, when it is complete", () => {
  const live = new LiveTasks();
  live.begin();
  live.tell(task("a", 1));
  live.tell(task("b", 1));
  vi.advanceTimersByTime(10_000);
  expect(names(live)).toEqual([]);
  live.ready();
  expect(names(live)).toEqual(["a@1", "b@1"]);
});

test("an older version than the known one changes nothing", () => {
  const live = new LiveTasks();
  live.tell(task("a", 2));
  vi.advanceTimersByTime(250);
  live.tell(task("a", 1));
  vi.advanceTimersByTime(250);
  expect(names(live)).toEqual(["a@2"]);
  expect(live.version).toBe(1);
});

test("a hundred changes of a quarter of a second are one", () => {
  const live = new LiveTasks();
  const listener = vi.fn();
  live.subscribe(listener);
  for (let version = 1; version <= 100; version += 1) live.tell(task("a", version));
  vi.advanceTimersByTime(250);
  expect(listener).toHaveBeenCalledTimes(1);
  expect(names(live)).toEqual(["a@100"]);
});

test("what a new connection does not tell is gone", () => {
  const live = new LiveTasks();
  live.tell(task("a", 1));
  live.tell(task("b", 1));
  vi.advanceTimersByTime(250);
  live.begin();
  live.tell(task("b", 1));
  live.tell(task("c", 1));
  live.ready();
  expect(names(live)).toEqual(["b@1", "c@1"]);
});

test("a connection that breaks before its view is complete takes nothing away", () => {
  const live = new LiveTasks();
  live.tell(task("a", 1));
  vi.advanceTimersByTime(250);
  live.begin();
  live.begin();
  live.tell(task("a", 3));
  live.ready();
  expect(names(live)).toEqual(["a@3"]);
});

test("a task that is deleted is gone, and can come again", () => {
  const live = new LiveTasks();
  live.tell(task("a", 5));
  vi.advanceTimersByTime(250);
  live.forget("a");
  vi.advanceTimersByTime(250);
  expect(names(live)).toEqual([]);
});

test("a page that stays open for days keeps what is active and what changed last", () => {
  const live = new LiveTasks();
  live.tell(task("active", 1, { status: "running" }));
  for (let number = 0; number < MOST + 10; number += 1) {
    live.tell(task(`done-${number}`, 1, { status: "succeeded" }));
  }
  vi.advanceTimersByTime(250);
  expect(live.tasks.size).toBe(MOST);
  expect(live.tasks.has("active")).toBe(true);
  expect(live.tasks.has("done-0")).toBe(false);
  expect(live.tasks.has(`done-${MOST + 9}`)).toBe(true);
});
