import { expect, test } from "vitest";
import { filterLines } from "./filter-lines";

const SAY = {
  statuses: { failed: "Failed", running: "Running" },
  priorities: { 3: "High" },
  time: (moment: string) => `at ${moment}`,
};

test("each filter is a line, in a fixed order", () => {
  const filters = { queue: "mail", status: ["failed", "running"], priority: 3 };
  expect(filterLines(filters, SAY)).toEqual([
    { name: "status", value: "Failed, Running" },
    { name: "queue", value: "mail" },
    { name: "priority", value: "High" },
  ]);
});

test("what restricts nothing is no line", () => {
  expect(filterLines({ status: [], q: "", tag: null }, SAY)).toEqual([]);
});

test("times are told as people read them, and what is none as it is", () => {
  const filters = { created_after: "2026-11-27T08:00:00Z", created_before: "soon" };
  expect(filterLines(filters, SAY).map((line) => line.value)).toEqual([
    "at 2026-11-27T08:00:00Z",
    "soon",
  ]);
});

test("a status that is not known is said as it is", () => {
  expect(filterLines({ status: ["odd"] }, SAY)[0]?.value).toBe("odd");
});
