import { expect, test } from "vitest";
import { addressOf } from "../../components/filters";
import { readAuditFilters } from "./filters";

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
  expect(readAuditFilters(addressOf(filters))).toEqual(filters);
});

test("what an address gets wrong is left out", () => {
  const address = new URLSearchParams("via=post&status=600&from=today&user=%20&to=2026-13-40");
  expect(readAuditFilters(address)).toEqual(NONE);
  expect(addressOf(NONE).toString()).toBe("");
});
