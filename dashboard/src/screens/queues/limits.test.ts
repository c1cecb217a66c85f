import { expect, test } from "vitest";
import { Problem } from "../../api/client";
import type { Limit } from "../../api/types";
import {
  type Draft,
  draftOf,
  EMPTY,
  faultsOf,
  isReached,
  replaced,
  saidOf,
  valuesOf,
} from "./limits";

const GOOD: Draft = { kind: "queue", name: "mail", concurrency: 4, rate: "" };
const LIMIT = { kind: "queue", name: "mail", concurrency: null, rate: "5/h" } as Limit;

test.each(["10/s", "100/m", "5/h", "100000/h", " 5/m "])("%s is a rate", (rate) => {
  expect(faultsOf({ ...GOOD, rate })).toEqual({});
});

test.each(["10", "10/d", "0/s", "1.5/s", "100001/s", "-1/s", "10 / s", "５/s"])(
  "%s is no rate",
  (rate) => {
    expect(faultsOf({ ...GOOD, rate })).toEqual({ rate: "rate" });
  },
);

test.each([0, 1, "7", 100_000])("%s tasks at a time is a limit", (concurrency) => {
  expect(faultsOf({ ...GOOD, concurrency })).toEqual({});
});

test.each([-1, 1.5, 100_001, "many"])("%s tasks at a time is none", (concurrency) => {
  expect(faultsOf({ ...GOOD, concurrency })).toEqual({ concurrency: "range" });
});

test("a limit has a name and limits something", () => {
  expect(faultsOf(EMPTY)).toEqual({ name: "missing", concurrency: "nothing" });
});

test.each([
  ["customer:*", undefined],
  ["*", undefined],
  ["customer:17", undefined],
  ["a/b", "slash"],
  ["*:x", "star"],
  ["a**", "star"],
])("the key %s has the fault %s", (name, fault) => {
  expect(faultsOf({ ...GOOD, kind: "key", name }).name).toBe(fault);
});

test("what is left empty is sent as null", () => {
  expect(valuesOf(GOOD)).toEqual({ concurrency: 4, rate: null });
  expect(valuesOf({ ...GOOD, concurrency: "", rate: " 5/h" })).toEqual({
    concurrency: null,
    rate: "5/h",
  });
  expect(valuesOf({ ...GOOD, concurrency: 0 }).concurrency).toBe(0);
});

test("a limit is typed in as it is", () => {
  expect(draftOf(LIMIT)).toEqual({ kind: "queue", name: "mail", concurrency: "", rate: "5/h" });
});

test("what the API says about a field belongs to the field", () => {
  const place = { loc: ["body", "rate"], msg: "should be such as 10/s", type: "rate" };
  expect(saidOf(new Problem(422, "invalid", "Refused", [place]))).toEqual({ rate: place.msg });
  expect(saidOf(new Problem(422, "unknown_queue", "There is no queue"))).toEqual({
    name: "There is no queue",
  });
});

test("whatever else it says is said as a whole", () => {
  const elsewhere = { loc: ["body"], msg: "too deep", type: "deep" };
  expect(saidOf(new Problem(422, "invalid", "Refused", [elsewhere]))).toBeNull();
  expect(saidOf(new Problem(409, "conflict", "There are 1,000 limits"))).toBeNull();
  expect(saidOf(new Error("away"))).toBeNull();
});

test("a limit of the same kind and name is replaced", () => {
  expect(replaced([LIMIT], { ...GOOD, name: " mail " })).toBe(LIMIT);
  expect(replaced([LIMIT], { ...GOOD, kind: "task" })).toBeUndefined();
});

test.each([
  [{ concurrency: 2, used: 2 }, true],
  [{ concurrency: 2, used: 1 }, false],
  [{ concurrency: 0 }, true],
  [{ rate: "10/s", handed_out: 10 }, true],
  [{ rate: "10/s", handed_out: 9, used: 500 }, false],
  [{ kind: "key", name: "customer:*", concurrency: 2, used: 40 }, false],
] as const)("%o is reached: %s", (some, reached) => {
  const free = { ...LIMIT, concurrency: null, rate: null, used: 0, handed_out: 0 };
  expect(isReached({ ...free, ...some })).toBe(reached);
});
