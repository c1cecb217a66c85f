import { expect, test } from "vitest";
import { auditQuery, isNarrow, readAuditFilters, writeAuditFilters } from "./filters";

const NONE = { user: "", action: "", via: "", status: "", target: "", from: "", to: "" } as const;

test("what is written is read again", () => {
  const filters = {
    ...NONE,
    user: "bob@example.org",
    via: "session",
    status: "404",
    target: "a & b",
    from: "2026-11-27T08:00:00.000Z",
  } as const;
  expect(readAuditFilters(writeAuditFilters(filters))).toEqual(filters);
});

test("what an address gets wrong is left out", () => {
  const address = new URLSearchParams("via=post&status=600&from=today&user=%20&to=2026-13-40");
  expect(readAuditFilters(address)).toEqual(NONE);
  expect(writeAuditFilters(NONE).toString()).toBe("");
});

test("what is empty is not asked of the API", () => {
  const asked = auditQuery({ ...NONE, action: "cancelTask", status: "failed" });
  expect(JSON.parse(JSON.stringify(asked))).toEqual({ action: "cancelTask", status: "failed" });
});

test.each([
  [{}, false],
  [{ status: "open" }, true],
  [{ user: "  " }, false],
  [{ to: "2026-11-27T08:00:00.000Z" }, true],
] as const)("%o leaves some entries out: %s", (some, narrow) => {
  expect(isNarrow({ ...NONE, ...some })).toBe(narrow);
});
