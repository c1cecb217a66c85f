import { expect, test } from "vitest";
import {
  EVERYTHING,
  isNothing,
  isPageSelected,
  isSelected,
  NOTHING,
  toggle,
  togglePage,
} from "./selection";

const PAGE = ["a", "b", "c"];

test("a row is selected, and no longer", () => {
  const one = toggle(NOTHING, "b", PAGE);
  expect([...one.ids]).toEqual(["b"]);
  expect(isNothing(toggle(one, "b", PAGE))).toBe(true);
});

test("a page is selected as a whole, then not at all", () => {
  const page = togglePage(toggle(NOTHING, "b", PAGE), PAGE);
  expect(isPageSelected(page, PAGE)).toBe(true);
  expect(isNothing(togglePage(page, PAGE))).toBe(true);
});

test("what is selected on another page stays selected", () => {
  const both = togglePage(toggle(NOTHING, "z", ["z"]), PAGE);
  expect([...both.ids].sort()).toEqual(["a", "b", "c", "z"]);
  expect([...togglePage(both, PAGE).ids]).toEqual(["z"]);
});

test("everything that matches is each row", () => {
  expect(isSelected(EVERYTHING, "whatever")).toBe(true);
  expect(isPageSelected(EVERYTHING, PAGE)).toBe(true);
});

test("everything but one row is the rest of the page", () => {
  const rest = toggle(EVERYTHING, "b", PAGE);
  expect(rest.everything).toBe(false);
  expect([...rest.ids]).toEqual(["a", "c"]);
});

test("a page without rows is not selected", () => {
  expect(isPageSelected(NOTHING, [])).toBe(false);
});
