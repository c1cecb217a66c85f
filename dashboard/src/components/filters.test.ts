import { expect, test } from "vitest";
import { addressOf, given, textAt, timeAt } from "./filters";

const FILTERS = { q: " a & b ", type: "  ", paused: false, source: undefined };

test("what is empty restricts nothing, and false does", () => {
  expect(given(FILTERS)).toEqual({ q: "a & b", paused: false });
  expect(addressOf({ q: " ", type: "" }).size).toBe(0);
});

test("an address names what the filters say", () => {
  const address = addressOf(FILTERS);
  expect(address.toString()).toBe("q=a+%26+b&paused=false");
  expect(textAt(address, "q")).toBe("a & b");
});

test("what an address lacks is empty", () => {
  expect(textAt(new URLSearchParams("q=%20"), "q")).toBe("");
  expect(textAt(new URLSearchParams(), "q")).toBe("");
});

test("a time that is none is left out", () => {
  const address = new URLSearchParams("from=today&to=2026-11-27T08:00:00.000Z");
  expect(timeAt(address, "from")).toBe("");
  expect(timeAt(address, "to")).toBe("2026-11-27T08:00:00.000Z");
});
