import { expect, test } from "vitest";
import type { Task } from "../../api/types";
import type { Filters } from "../../lib/address";
import { fits, unseen } from "./fits";

const TASK = {
  id: "b",
  name: "Monthly Figures",
  status: "running",
  task_type: "report",
  celery_task_name: "app.tasks.report",
  queue: "default",
  priority: 2,
  tags: ["finance", "monthly"],
  owner_ref: null,
  parent_id: null,
  created_at: "2026-11-27T08:00:00Z",
} as unknown as Task;

function task(id: string, more: Partial<Task> = {}): Task {
  return { ...TASK, id, ...more };
}

test.each<[string, Partial<Filters>, boolean]>([
  ["no filter", {}, true],
  ["one of two statuses", { status: ["failed", "running"] }, true],
  ["another status", { status: ["failed"] }, false],
  ["its queue and priority", { queue: "default", priority: 2 }, true],
  ["another priority", { queue: "default", priority: 3 }, false],
  ["one of its tags", { tag: "monthly" }, true],
  ["part of a tag", { tag: "month" }, false],
  ["part of the name, in any case", { q: "FIG" }, true],
  ["another name", { q: "weekly" }, false],
  ["an owner that it has not", { owner_ref: "bob" }, false],
  ["the moment it was created, as the first one", { created_after: TASK.created_at }, true],
  ["the moment it was created, as the end", { created_before: TASK.created_at }, false],
])("%s", (_, filters, expected) => {
  expect(fits(TASK, { status: [], ...filters })).toBe(expected);
});

const NONE: Filters = { status: [] };

test("what is not on the first page and newer than its last row is unseen, newest first", () => {
  const live = [task("a"), task("c"), task("d"), task("e")];
  const ids = unseen(live, [task("d"), task("b")], true, NONE).map((each) => each.id);
  expect(ids).toEqual(["e", "c"]);
});

test("on the only page older tasks are unseen too", () => {
  expect(unseen([task("a")], [task("b")], false, NONE)).toHaveLength(1);
  expect(unseen([task("a")], [], false, NONE)).toHaveLength(1);
});

test("what does not fit is no news", () => {
  expect(unseen([task("z")], [], false, { status: ["failed"] })).toEqual([]);
});
