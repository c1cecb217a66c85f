import { expect, test } from "vitest";
import { conditions, isEmpty, readFilters, tasksAddress, writeFilters } from "./address";

test("what is written is read again", () => {
  const filters = {
    status: ["failed", "running"],
    queue: "mail",
    q: "a & b = c",
    priority: 3,
    created_after: "2026-11-26T00:00:00Z",
  };
  expect(readFilters(writeFilters(filters))).toEqual(filters);
});

test("what an address gets wrong is left out", () => {
  const address = new URLSearchParams("status=broken&status=failed&priority=9&q=%20&what=ever");
  expect(readFilters(address)).toEqual({ status: ["failed"] });
});

test("an address without filters is empty", () => {
  expect(isEmpty(readFilters(new URLSearchParams()))).toBe(true);
  expect(tasksAddress({})).toBe("/tasks");
  expect(tasksAddress({ status: ["failed"] })).toBe("/tasks?status=failed");
});

test("the API is asked for what is restricted, and for nothing else", () => {
  expect(conditions({ status: [] })).toEqual({});
  expect(conditions({ status: ["failed"], queue: "mail" })).toEqual({
    status: ["failed"],
    queue: "mail",
  });
});
