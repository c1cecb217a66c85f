import { expect, test } from "vitest";
import { fromLocal, toLocal } from "./local-time";

test("a moment goes to an input and comes back", () => {
  const local = toLocal("2026-11-27T08:15:00Z") ?? "";
  expect(local).toMatch(/^2026-11-2\dT\d\d:\d\d$/);
  expect(fromLocal(local)).toBe("2026-11-27T08:15:00.000Z");
});

test("seconds are kept where there are some", () => {
  const local = toLocal("2026-11-27T08:15:30Z") ?? "";
  expect(local).toMatch(/:30$/);
  expect(fromLocal(local)).toBe("2026-11-27T08:15:30.000Z");
});

test("what is no time is none", () => {
  expect(toLocal("tomorrow")).toBeNull();
  expect(fromLocal("")).toBeNull();
  expect(fromLocal("2026-11-27")).toBeNull();
  expect(fromLocal("2026-13-41T08:15")).toBeNull();
});

test("a year that is being typed stays as it is", () => {
  expect(toLocal(fromLocal("0020-11-27T08:15") ?? "")).toBe("0020-11-27T08:15");
});
