import { expect, test } from "vitest";
import { Problem } from "../api/client";
import { saidAt } from "./places";

const FIELDS = ["url", "queue"];

function refused(...locs: (string | number)[][]): Problem {
  const places = locs.map((loc) => ({ loc, msg: "is wrong", type: "x" }));
  return new Problem(422, "invalid", "Refused", places);
}

test("what the API says about a field belongs to the field", () => {
  expect(saidAt(refused(["body", "url"], ["body", "filter", "queue"]), FIELDS)).toEqual({
    url: "is wrong",
    queue: "is wrong",
  });
});

test("a refusal may mean a field that it does not name", () => {
  const taken = new Problem(409, "user_exists", "There is one");
  expect(saidAt(taken, ["email"], { user_exists: "email" })).toEqual({ email: "There is one" });
});

test("whatever else it says is said as a whole", () => {
  expect(saidAt(refused(["body", "url"], ["body"]), FIELDS)).toBeNull();
  expect(saidAt(new Problem(409, "conflict", "Too many"), FIELDS)).toBeNull();
  expect(saidAt(new Error("away"), FIELDS)).toBeNull();
  expect(saidAt(null, FIELDS)).toBeNull();
});
