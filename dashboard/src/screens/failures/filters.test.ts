import { expect, test } from "vitest";
import { groupQuery, isNarrow, readGroupFilters, writeGroupFilters } from "./filters";

const OPEN = { state: "open", celery_task_name: "", type: "", q: "" } as const;

test("what is written is read again", () => {
  const filters = { ...OPEN, state: "all", celery_task_name: "shop.pay", q: "a & b" } as const;
  expect(readGroupFilters(writeGroupFilters(filters))).toEqual(filters);
});

test("without a word about the state, open failures are meant", () => {
  expect(readGroupFilters(new URLSearchParams())).toEqual(OPEN);
  expect(readGroupFilters(new URLSearchParams("state=broken&q=%20"))).toEqual(OPEN);
  expect(writeGroupFilters(OPEN).toString()).toBe("");
});

test("what is empty is not asked of the API", () => {
  const asked = groupQuery({ ...OPEN, state: "all", type: "KeyError" });
  expect(JSON.parse(JSON.stringify(asked))).toEqual({ type: "KeyError" });
  expect(groupQuery(OPEN).state).toBe("open");
});

test.each([
  [{}, false],
  [{ state: "all" }, false],
  [{ state: "resolved" }, true],
  [{ q: "timeout" }, true],
] as const)("%o leaves some failures out: %s", (some, narrow) => {
  expect(isNarrow({ ...OPEN, ...some })).toBe(narrow);
});
