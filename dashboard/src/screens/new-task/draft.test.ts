import { expect, test } from "vitest";
import { signatureOf } from "../../lib/json-schema";
import { emptyDraft, type NewTaskDraft, readDraft } from "./draft";
import { KeyKeeper } from "./idempotency";

const SIGNATURE = signatureOf({
  type: "object",
  properties: {
    duration: { type: "number" },
    param: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
  },
  required: ["duration"],
  additionalProperties: false,
  "x-positional": ["duration", "param"],
});

function read(part: Partial<NewTaskDraft>) {
  const draft = { ...emptyDraft("app.tasks.common_tasks.long_running_task"), ...part };
  return readDraft({ ...draft, values: { duration: "5" } }, SIGNATURE);
}

test("a form with its arguments filled in can be sent as it is", () => {
  const { body, faults, parameterFaults } = read({});
  expect(body).toMatchObject({
    celery_task_name: "app.tasks.common_tasks.long_running_task",
    name: "long_running_task",
    task_type: "long_running_task",
    priority: 2,
    args: [],
    kwargs: { duration: 5 },
  });
  expect([faults, parameterFaults]).toEqual([{}, {}]);
});

test("what was left empty is not sent, or sent as null where that is the default", () => {
  const { body } = read({});
  expect(body).not.toHaveProperty("scheduled_at");
  expect(body).not.toHaveProperty("countdown");
  expect(body).not.toHaveProperty("depends_on");
  expect(body).toMatchObject({ queue: null, max_attempts: null });
});

test("a start is a time or a wait, never both", () => {
  const typed = { scheduled_at: "2026-11-27T08:15", countdown: "60" };
  expect(read({ ...typed, start: "in" }).body).toMatchObject({ countdown: 60 });
  expect(read({ ...typed, start: "in" }).body).not.toHaveProperty("scheduled_at");
  expect(read({ ...typed, start: "at" }).body.scheduled_at).toMatch(/Z$/);
  expect(read({ ...typed, start: "at" }).body).not.toHaveProperty("countdown");
});

test("a start that was chosen has to be said", () => {
  expect(read({ start: "in" }).faults).toEqual({ countdown: "required" });
  expect(read({ start: "at" }).faults).toEqual({ scheduled_at: "required" });
  expect(read({ start: "in", countdown: "soon" }).faults).toEqual({ countdown: "number" });
});

test("a form without a function says so", () => {
  const { faults } = readDraft(emptyDraft(""), SIGNATURE);
  expect(faults).toMatchObject({ celery_task_name: "required", name: "required" });
});

test("the same form has the same key, another one another", () => {
  const keeper = new KeyKeeper();
  const key = keeper.keyFor({ name: "a" });
  expect(key).toMatch(/^page-[0-9a-f]{32}$/);
  expect(keeper.keyFor({ name: "a" })).toBe(key);
  expect(keeper.keyFor({ name: "b" })).not.toBe(key);
});
