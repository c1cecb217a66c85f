import { expect, test } from "vitest";
import { newKey } from "./request-key";

test("a key says that the page made it, and is 128 bits of chance", () => {
  expect(newKey()).toMatch(/^page-[0-9a-f]{32}$/);
});

test("no two keys are alike", () => {
  const keys = Array.from({ length: 100 }, newKey);
  expect(new Set(keys).size).toBe(100);
});
