import { expect, test } from "vitest";
import { fromLocal } from "../../lib/local-time";
import { changesFrom, type Editable, toField } from "./editing";

const BEFORE: Editable = {
  name: "Orders",
  tags: ["shop", "night"],
  priority: 2,
  scheduledAt: "2026-11-27T22:00:00.123456Z",
};

test("only what differs is changed", () => {
  expect(changesFrom(BEFORE, { ...BEFORE, name: "All orders" })).toEqual({ name: "All orders" });
  expect(changesFrom(BEFORE, { ...BEFORE, tags: [], priority: 4 })).toEqual({
    tags: [],
    priority: 4,
  });
});

test("nothing changed is nothing to send", () => {
  expect(changesFrom(BEFORE, { ...BEFORE, tags: [...BEFORE.tags] })).toBeNull();
});

test("a time that went through its field is the same time", () => {
  const after = { ...BEFORE, scheduledAt: fromLocal(toField(BEFORE.scheduledAt)) };
  expect(after.scheduledAt).toBe("2026-11-27T22:00:00.000Z");
  expect(changesFrom(BEFORE, after)).toBeNull();
});

test("an empty time is at once", () => {
  expect(fromLocal("")).toBeNull();
  expect(toField(null)).toBe("");
  expect(changesFrom(BEFORE, { ...BEFORE, scheduledAt: null })).toEqual({ scheduled_at: null });
});
