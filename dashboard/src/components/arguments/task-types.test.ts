import { expect, test } from "vitest";
import type { TaskType } from "../../api/types";
import { ANYTHING } from "../../lib/json-schema";
import { firstFunction, schemaOf } from "./task-types";

const PARAMETERS = { type: "object" };
const ONE = [{ name: "shop.mail.send", parameters: PARAMETERS }] as unknown as TaskType[];
const TWO = [...ONE, { name: "shop.pay" } as TaskType];

test("the function that an address asks for is chosen, whether it is there or not", () => {
  expect(firstFunction(TWO, "shop.pay")).toBe("shop.pay");
  expect(firstFunction(ONE, "shop.gone")).toBe("shop.gone");
});

test("the only function there is need not be chosen", () => {
  expect(firstFunction(ONE, null)).toBe("shop.mail.send");
  expect(firstFunction(TWO, null)).toBe("");
  expect(firstFunction([], null)).toBe("");
});

test("a function that is not there takes anything", () => {
  expect(schemaOf(ONE, "shop.mail.send")).toBe(PARAMETERS);
  expect(schemaOf(ONE, "shop.gone")).toBe(ANYTHING);
});
