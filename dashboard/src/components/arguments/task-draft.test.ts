import { expect, test } from "vitest";
import { signatureOf } from "../../lib/json-schema";
import { EMPTY, placed, Reader, readTask, withFunction } from "./task-draft";

const SIGNATURE = signatureOf({
  type: "object",
  properties: {
    duration: { type: "number" },
    sizes: { type: "array", items: { type: "integer" } },
  },
  required: ["duration"],
  additionalProperties: false,
  "x-positional": ["duration", "sizes"],
});
const DRAFT = withFunction(EMPTY, "shop.nightly.tidy_carts");

function refused(code: string, ...locs: (string | number)[][]) {
  const places = locs.map((loc) => ({ loc, msg: "is wrong", type: "x" }));
  return placed({ code, message: "Refused", places }, SIGNATURE);
}

test("name and type are at first what the function is called", () => {
  expect(DRAFT).toMatchObject({ name: "tidy_carts", task_type: "tidy_carts" });
});

test("another function changes only what nobody has typed", () => {
  const draft = { ...DRAFT, name: "Mine", values: { duration: "1" } };
  expect(withFunction(draft, "shop.mail.send")).toMatchObject({
    celery_task_name: "shop.mail.send",
    values: {},
    name: "Mine",
    task_type: "send",
  });
});

test("what is left empty is null, and what is typed has its type", () => {
  const reader = new Reader();
  const draft = { ...DRAFT, values: { duration: "2" }, time_limit: " 1.5", max_attempts: "3" };
  const { task, parameterFaults } = readTask(draft, SIGNATURE, reader);
  expect(task).toMatchObject({ kwargs: { duration: 2 }, time_limit: 1.5, max_attempts: 3 });
  expect(task).toMatchObject({ queue: null, owner_ref: null, soft_time_limit: null });
  expect([reader.faults, parameterFaults]).toEqual([{}, {}]);
});

test("faults are told by field and by parameter", () => {
  const reader = new Reader();
  const read = readTask({ ...DRAFT, name: " ", max_attempts: "1.5" }, SIGNATURE, reader);
  expect(reader.faults).toEqual({ name: "required", max_attempts: "integer" });
  expect(read.parameterFaults).toEqual({ duration: "required" });
});

test("a refusal stands at its field", () => {
  const { fields, complete } = refused("invalid", ["body", "name"], ["body", "tags", 1]);
  expect(fields).toEqual({ name: "is wrong", tags: "1: is wrong" });
  expect(complete).toBe(true);
});

test("a refusal of an argument stands at its parameter", () => {
  const { parameters } = refused("invalid", ["body", "kwargs", "sizes", 2], ["body", "args", 0]);
  expect(parameters).toEqual({ sizes: "2: is wrong", duration: "is wrong" });
});

test("what belongs to no field is said besides", () => {
  expect(refused("invalid", ["body", "kwargs"]).complete).toBe(false);
  expect(refused("invalid", ["body"]).complete).toBe(false);
  expect(refused("conflict").complete).toBe(false);
});

test("a name that is taken is a matter of the name", () => {
  expect(refused("name_taken")).toMatchObject({ fields: { name: "Refused" }, complete: true });
});
