import { describe, expect, test } from "vitest";
import {
  argumentsOf,
  EXTRA,
  MORE,
  parameterAt,
  shown,
  type Values,
  valuesOf,
} from "./json-arguments";
import { type Schema, type Signature, signatureOf } from "./json-schema";
import { fromLocal } from "./local-time";

function takes(
  properties: Record<string, Schema>,
  required: readonly string[] = [],
  more: Schema = {},
): Signature {
  const names = Object.keys(properties);
  const fixed = { type: "object", additionalProperties: false, "x-positional": names };
  return signatureOf({ ...fixed, properties, required, ...more });
}

const NULL = { type: "null" };
const rich = takes(
  {
    count: { type: "integer" },
    rate: { type: "number", default: 1.5 },
    label: { anyOf: [{ type: "string" }, NULL], default: null },
    greeting: { type: "string", default: "hello" },
    loud: { type: "boolean", default: false },
    mode: { enum: ["fast", "slow", 1], default: "fast" },
    at: { anyOf: [{ format: "date-time", type: "string" }, NULL], default: null },
    sizes: { anyOf: [{ items: { type: "integer" }, type: "array" }, NULL], default: null },
    limit: { anyOf: [{ type: "integer" }, NULL], default: 10 },
    options: { additionalProperties: true, type: "object", default: {} },
  },
  ["count"],
);

function kwargs(values: Values): unknown {
  return argumentsOf(rich, { count: "1", ...values }).kwargs;
}

function fault(values: Values): unknown {
  return argumentsOf(rich, { count: "1", ...values }).faults;
}

describe("arguments", () => {
  test("are by name, and only those that are filled in", () => {
    const { args, faults } = argumentsOf(rich, { count: "3" });
    expect([args, faults]).toEqual([[], {}]);
    expect(kwargs({ rate: "2", label: "a" })).toEqual({ count: 1, rate: 2, label: "a" });
  });

  test("have the type that the function wants", () => {
    const moment = fromLocal("2026-11-27T08:15");
    expect(kwargs({ loud: true, mode: "1", at: "2026-11-27T08:15", sizes: ["1", " 2 "] })).toEqual({
      count: 1,
      loud: true,
      mode: 1,
      at: moment,
      sizes: [1, 2],
    });
    expect(kwargs({ options: { json: '{"a": [1]}' }, limit: null })).toEqual({
      count: 1,
      options: { a: [1] },
      limit: null,
    });
  });

  test("leave out what was emptied, unless the function would fill it", () => {
    expect(kwargs({ label: "", rate: "" })).toEqual({ count: 1 });
    expect(kwargs({ greeting: "" })).toEqual({ count: 1, greeting: "" });
  });

  test("name what is missing and what is wrong", () => {
    expect(argumentsOf(rich, {}).faults).toEqual({ count: "required" });
    expect(argumentsOf(rich, { count: "" }).faults).toEqual({ count: "required" });
    expect(fault({ count: "1.5" })).toEqual({ count: "integer" });
    expect(fault({ count: "9007199254740993" })).toEqual({ count: "large" });
    expect(fault({ rate: "1,5" })).toEqual({ rate: "number" });
    expect(fault({ sizes: ["1", "x"] })).toEqual({ sizes: "integer" });
    expect(fault({ at: "2026" })).toEqual({ at: "time" });
    expect(fault({ options: { json: "hello" } })).toEqual({ options: "json" });
  });

  test("say no for a switch that has to be given and was not touched", () => {
    const signature = takes({ force: { type: "boolean" } }, ["force"]);
    expect(argumentsOf(signature, {}).kwargs).toEqual({ force: false });
  });

  test("may have the names that every object has", () => {
    const signature = takes({ constructor: { type: "string" }, toString: { type: "string" } });
    expect(argumentsOf(signature, {}).kwargs).toEqual({});
    const given = argumentsOf(signature, { constructor: "a" }).kwargs;
    expect(Object.entries(given)).toEqual([["constructor", "a"]]);
  });
});

describe("by position", () => {
  const free = { "x-more-positional": true, additionalProperties: true };
  const two = { a: { type: "integer" }, b: { type: "integer", default: 7 } };

  test("goes what follows the named ones, and so these too", () => {
    const read = argumentsOf(takes(two, ["a"], free), { a: "1", [MORE]: { json: '[2, "x"]' } });
    expect(read).toEqual({ args: [1, 7, 2, "x"], kwargs: {}, faults: {} });
  });

  test("goes what has no name to call", () => {
    const signature = takes(two, ["a"], { "x-positional-only": ["a"] });
    const read = argumentsOf(signature, { a: "1", b: "2" });
    expect(read).toMatchObject({ args: [1], kwargs: { b: 2 } });
  });

  test("nothing is guessed where one in front is missing", () => {
    const read = argumentsOf(takes(two, ["a"], free), { [MORE]: { json: "[3]" } });
    expect(read.faults).toEqual({ a: "required" });
  });

  test("other names go by name", () => {
    const read = argumentsOf(takes({}, [], free), { [EXTRA]: { json: '{"k": "v"}' } });
    expect(read).toMatchObject({ args: [], kwargs: { k: "v" } });
  });

  test("a list and an object are needed there", () => {
    const values = { [MORE]: { json: "3" }, [EXTRA]: { json: "[]" } };
    expect(argumentsOf(takes({}, [], free), values).faults).toEqual({
      [MORE]: "list",
      [EXTRA]: "object",
    });
  });
});

describe("the values of given arguments", () => {
  test("give them again", () => {
    const given = {
      count: 3,
      label: null,
      loud: true,
      mode: 1,
      at: "2026-11-27T08:15:00.000Z",
      sizes: [1, 1],
      options: { a: null },
    };
    const again = argumentsOf(rich, valuesOf(rich, [], given));
    expect(again).toEqual({ args: [], kwargs: given, faults: {} });
  });

  test("have names also where they came by position", () => {
    expect(valuesOf(rich, [3, 2.5], {})).toEqual({ count: "3", rate: "2.5" });
  });

  test("are JSON where they do not suit the field", () => {
    const values = valuesOf(rich, [], { count: "three", label: "" });
    expect(values).toEqual({ count: { json: '"three"' }, label: { json: '""' } });
    expect(argumentsOf(rich, values).kwargs).toEqual({ count: "three", label: "" });
  });

  test("keep what the function does not know any more", () => {
    const signature = takes({ a: { type: "integer" } });
    const values = valuesOf(signature, [1, 2], { gone: true });
    const again = argumentsOf(signature, values);
    expect(again).toEqual({ args: [1, 2], kwargs: { gone: true }, faults: {} });
  });
});

test("what is shown masked is sent back masked, whatever its type", () => {
  const hidden = { format: "password", writeOnly: true };
  const signature = takes({
    card: { ...hidden, type: "integer" },
    pin: { ...hidden, type: "string" },
  });
  const values = valuesOf(signature, ["***"], { pin: "***" });
  expect(argumentsOf(signature, values)).toMatchObject({
    kwargs: { card: "***", pin: "***" },
    faults: {},
  });
});

test("an untouched field shows the function's default", () => {
  const show = (name: string) => {
    const field = rich.fields.find((each) => each.name === name);
    return field && shown(field, {});
  };
  expect(["count", "rate", "label", "loud", "mode", "sizes"].map(show)).toEqual([
    "",
    "1.5",
    "",
    false,
    '"fast"',
    [],
  ]);
});

test("places of the API's errors are those of the fields", () => {
  expect(parameterAt(rich, ["body", "kwargs", "sizes", 1])).toBe("sizes");
  expect(parameterAt(rich, ["body", "args", 1])).toBe("rate");
  expect(parameterAt(rich, ["body", "args", 99])).toBe(MORE);
  expect(parameterAt(rich, ["body", "kwargs", "unknown"])).toBe(EXTRA);
  expect(parameterAt(rich, ["body", "kwargs"])).toBeNull();
  expect(parameterAt(rich, ["body", "name"])).toBeNull();
});
