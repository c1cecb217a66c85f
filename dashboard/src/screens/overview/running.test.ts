import { expect, test } from "vitest";
import type { Task } from "../../api/types";
import { runningOf } from "./running";

function task(id: string, status: Task["status"], started_at: string | null): Task {
  return { id, status, started_at } as Task;
}

test("what does not run is left out", () => {
  const tasks = [task("a", "pending", null), task("b", "running", "2026-11-27T08:00:00Z")];
  expect(runningOf(tasks).map((each) => each.id)).toEqual(["b"]);
});

test("the latest start comes first, whatever its fraction of a second looks like", () => {
  const tasks = [
    task("a", "running", "2026-11-27T08:00:00Z"),
    task("b", "running", "2026-11-27T08:00:00.500Z"),
    task("c", "running", null),
  ];
  expect(runningOf(tasks).map((each) => each.id)).toEqual(["b", "a", "c"]);
});

test("tasks that started together keep their order", () => {
  const at = "2026-11-27T08:00:00Z";
  const tasks = [task("a", "running", at), task("b", "running", at)];
  const ids = (list: Task[]) => runningOf(list).map((each) => each.id);
  expect(ids(tasks)).toEqual(ids([...tasks].reverse()));
});
