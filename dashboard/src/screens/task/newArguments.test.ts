import { expect, test } from "vitest";
import { parseArgs, parseKwargs } from "./newArguments";

test("arguments are a list and an object", () => {
  expect(parseArgs('[1, {"a": null}]')).toEqual({ ok: true, value: [1, { a: null }] });
  expect(parseKwargs('{"a": [true]}')).toEqual({ ok: true, value: { a: [true] } });
});

test.each(["{}", "1", "null", '"[]"'])("%s is no list of arguments", (text) => {
  expect(parseArgs(text)).toMatchObject({ ok: false, why: "shape" });
});

test.each(["[]", "1", "null"])("%s is no object of arguments", (text) => {
  expect(parseKwargs(text)).toMatchObject({ ok: false, why: "shape" });
});

test("what is no JSON says where it is not", () => {
  const parsed = parseArgs("[1, 2,]");
  expect(parsed).toMatchObject({ ok: false, why: "json" });
  expect(parsed.ok || parsed.message).toMatch(/JSON|token/i);
});
