import { expect, test } from "vitest";
import { cut, ROWS, rangeOf } from "./paging";

test("the first page begins with the first row, each other one where its cursor says", () => {
  expect(rangeOf(null).skip).toBe(0);
  expect(rangeOf("150").skip).toBe(150);
});

test("the row that is one too many is not shown, and tells of another page", () => {
  const full = Array.from({ length: ROWS + 1 }, (_, row) => row);
  expect(cut(full, { skip: 100 })).toEqual({ rows: full.slice(0, ROWS), next: "150" });
  expect(cut(full.slice(1), { skip: 100 })).toEqual({ rows: full.slice(1), next: null });
  expect(cut([], { skip: 0 })).toEqual({ rows: [], next: null });
});

test("the cursor of a page leads behind it", () => {
  const full = Array.from({ length: ROWS + 1 }, (_, row) => row);
  const { next } = cut(full, rangeOf(null));
  expect(rangeOf(next).skip).toBe(ROWS);
});
