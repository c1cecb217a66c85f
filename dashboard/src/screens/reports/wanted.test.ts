import { expect, test } from "vitest";
import type { Statistics } from "../../api/types";
import { addressOf, given } from "../../components/filters";
import { downloadAddress, filtersOf, filtersOfGroup, groupName, readWanted } from "./wanted";

function wanted(address = "") {
  return readWanted(new URLSearchParams(address));
}

function statistics(group_by: Statistics["group_by"]): Statistics {
  const ends = { begins_at: "2026-11-20T00:00:00Z", ends_at: "2026-11-28T00:00:00Z" };
  return { group_by, ...ends } as Statistics;
}

test("an address that says nothing asks for days, and leaves the rest to the API", () => {
  expect(given(wanted())).toEqual({ bucket: "day" });
});

test("what is asked for is read again", () => {
  const asked = { bucket: "hour", from: "2026-11-27T08:00:00Z", queue: "a&b" } as const;
  const again = readWanted(addressOf({ ...wanted(), ...asked }));
  expect(given(again)).toEqual(asked);
});

test("what an address gets wrong is left out", () => {
  expect(given(wanted("bucket=week&from=yesterday&queue=%20&what=ever"))).toEqual({
    bucket: "day",
  });
});

test("a download asks for the same, whatever the names contain", () => {
  const address = downloadAddress("a/b", wanted("queue=x%26format=html"), "csv");
  const url = new URL(address, "http://localhost");
  expect(url.pathname).toBe("/api/v1/reports/a%2Fb");
  expect(Object.fromEntries(url.searchParams)).toEqual({
    format: "csv",
    bucket: "day",
    queue: "x&format=html",
  });
});

test("only what the list can be asked for is carried over to it", () => {
  expect(filtersOf(wanted("queue=mail&from=2026-11-27T08:00:00Z"))).toEqual({ queue: "mail" });
});

test("a group leads to its tasks", () => {
  const created = {
    created_after: "2026-11-20T00:00:00Z",
    created_before: "2026-11-28T00:00:00Z",
  };
  const found = filtersOfGroup(statistics("queue"), "mail", wanted("task_type=letter"));
  expect(found).toEqual({ task_type: "letter", queue: "mail", ...created });
  const failed = filtersOfGroup(statistics("status"), "failed", wanted());
  expect(failed).toEqual({ status: ["failed"], ...created });
});

test("everything, and groups that are put together, lead nowhere", () => {
  expect(filtersOfGroup(statistics("queue"), "(other)", wanted())).toBeNull();
  expect(filtersOfGroup(statistics("queue"), null, wanted())).toBeNull();
});

test("a status is called by its word, another group by its own name", () => {
  const words = { failed: "Failed" };
  expect(groupName({ group_by: "status" }, "failed", words)).toBe("Failed");
  expect(groupName({ group_by: "queue" }, "failed", words)).toBe("failed");
  expect(groupName({ group_by: "queue" }, null, words)).toBe("");
});
