import { expect, test } from "vitest";
import { changesOf, type Draft, draftOf, EMPTY, faultsOf, filterOf, orderOf } from "./draft";

const WEBHOOK = {
  url: "https://example.com/hook",
  events: ["task.failed", "task.revoked"],
  filter: { queue: "mail" },
  scope: "own",
} as const;
const SAVED: Draft = draftOf({ ...WEBHOOK, events: [...WEBHOOK.events] });

test("a new webhook is told of every end, of one's own tasks", () => {
  expect(orderOf({ ...EMPTY, url: " https://example.com " })).toEqual({
    url: "https://example.com",
    events: ["task.succeeded", "task.failed", "task.revoked"],
    filter: {},
    scope: "own",
    active: true,
  });
});

test("only conditions that say something are sent", () => {
  const filter = { ...EMPTY.filter, tag: " vip ", queue: "  " };
  expect(filterOf({ ...EMPTY, filter })).toEqual({ tag: "vip" });
});

test("what is not changed is not sent", () => {
  expect(changesOf(SAVED, { ...SAVED, url: `${SAVED.url} ` })).toBeNull();
  expect(changesOf(SAVED, { ...SAVED, url: "https://example.com/other" })).toEqual({
    url: "https://example.com/other",
  });
});

test("the order of the events is no change", () => {
  expect(changesOf(SAVED, { ...SAVED, events: ["task.revoked", "task.failed"] })).toBeNull();
  expect(changesOf(SAVED, { ...SAVED, events: ["task.failed"] })).toEqual({
    events: ["task.failed"],
  });
});

test("a filter is changed as a whole, and an empty one is every task", () => {
  const wider = { ...SAVED, filter: { ...SAVED.filter, queue: "" } };
  const narrower = { ...SAVED, filter: { ...SAVED.filter, tag: "vip" } };
  expect(changesOf(SAVED, wider)).toEqual({ filter: {} });
  expect(changesOf(SAVED, narrower)).toEqual({ filter: { queue: "mail", tag: "vip" } });
});

test.each([
  ["", true],
  ["example.com/hook", true],
  ["ftp://example.com", true],
  ["https://", true],
  ["https:///path", true],
  [" HTTPS://example.com ", false],
  ["http://localhost:9000/hook", false],
])("that the address %j is wrong: %s", (url, wrong) => {
  expect(faultsOf({ ...EMPTY, url }).url).toBe(wrong);
});

test("a webhook without events would be told nothing", () => {
  expect(faultsOf({ ...EMPTY, events: [] }).events).toBe(true);
  expect(faultsOf(EMPTY).events).toBe(false);
});
