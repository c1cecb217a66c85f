import { expect, test } from "vitest";
import { endingOf, screenOf, targetOf, whoOf } from "./entry";

test("at a terminal the system's user has acted", () => {
  expect(whoOf({ email: "bob@example.org", detail: { os_user: "root" } })).toBe("bob@example.org");
  expect(whoOf({ email: null, detail: { os_user: "root" } })).toBe("root");
  expect(whoOf({ email: null, detail: { os_user: { not: "text" } } })).toBe("");
});

test("a target is said by its values", () => {
  expect(targetOf({ kind: "queue", name: "default" })).toBe("queue / default");
  expect(targetOf({})).toBe("");
});

test("a target leads to its screen, and hostile text nowhere else", () => {
  expect(screenOf({ task_id: "01a2" })).toBe("/tasks/01a2");
  expect(screenOf({ webhook_id: "1", delivery_id: "2" })).toBe("/webhooks/1");
  expect(screenOf({ task_id: "../x?y" })).toBe("/tasks/..%2Fx%3Fy");
  expect(screenOf({ name: "default" })).toBeNull();
});

test.each([
  [null, "open"],
  [201, "done"],
  [303, "done"],
  [404, "refused"],
  [503, "broken"],
] as const)("a status of %s is %s", (status, ending) => {
  expect(endingOf({ status })).toBe(ending);
});
