import { expect, test } from "vitest";
import type { Schedule } from "../../api/types";
import { addressOf } from "../../components/filters";
import { signatureOf } from "../../lib/json-schema";
import { draftOf, emptyDraft, patchOf, readDraft, type ScheduleDraft } from "./draft";
import { readFilters } from "./filters";

const SIGNATURE = signatureOf({
  type: "object",
  properties: { older_than_days: { type: "integer" } },
  required: ["older_than_days"],
  additionalProperties: false,
  "x-positional": ["older_than_days"],
});
const SCHEDULE = {
  name: "Nightly",
  celery_task_name: "shop.nightly.tidy_carts",
  task_type: "scheduled",
  args: [30],
  kwargs: {},
  priority: 2,
  tags: [],
  kind: "cron",
  cron: "30 3 * * *",
  timezone: "Europe/Berlin",
  interval_seconds: null,
  at: null,
  start_at: "2026-11-27T08:15:20.123Z",
  end_at: null,
  overlap: "skip",
  misfire: "run_once",
  queue: null,
  owner_ref: null,
  max_attempts: null,
  time_limit: null,
  soft_time_limit: null,
  expires_in: 60,
  paused: false,
} as unknown as Schedule;

function bodyOf(draft: ScheduleDraft) {
  return readDraft(draft, SIGNATURE).body;
}

function change(part: Partial<ScheduleDraft>) {
  const draft = draftOf(SCHEDULE, SIGNATURE);
  return patchOf(bodyOf(draft), bodyOf({ ...draft, ...part }));
}

test("a schedule that nobody has touched is no change", () => {
  expect(change({})).toEqual({});
});

test("a change says only what is another", () => {
  expect(change({ cron: "0 4 * * *", expires_in: "" })).toEqual({
    cron: "0 4 * * *",
    expires_in: null,
  });
});

test("an argument that came by position leaves its place", () => {
  const patch = change({ values: { older_than_days: "7" } });
  expect(patch).toEqual({ args: [], kwargs: { older_than_days: 7 } });
});

test("another kind takes the fields of the one before away", () => {
  expect(change({ kind: "interval", interval: "2", unit: "hours" })).toEqual({
    kind: "interval",
    cron: null,
    timezone: null,
    interval_seconds: 7200,
  });
  expect(change({ kind: "once", at: "2027-01-01T00:00" })).toMatchObject({
    kind: "once",
    cron: null,
    start_at: null,
  });
});

test.each([
  [90, "90", "seconds"],
  [900, "15", "minutes"],
  [7_200, "2", "hours"],
  [172_800, "2", "days"],
])("%i seconds are %s %s", (interval_seconds, interval, unit) => {
  const every = { ...SCHEDULE, kind: "interval", cron: null, interval_seconds } as Schedule;
  const draft = draftOf(every, SIGNATURE);
  expect(draft).toMatchObject({ interval, unit });
  expect(bodyOf(draft).interval_seconds).toBe(interval_seconds);
});

test("each kind needs what it goes by", () => {
  const draft = { ...emptyDraft("a.b", "UTC"), values: { older_than_days: "1" } };
  const faults = (kind: Schedule["kind"]) => readDraft({ ...draft, kind }, SIGNATURE).faults;
  expect(faults("cron")).toEqual({ cron: "required" });
  expect(faults("interval")).toEqual({ interval_seconds: "required" });
  expect(faults("once")).toEqual({ at: "required" });
});

test("a new schedule has the function's name and the API's own type", () => {
  expect(emptyDraft("shop.nightly.tidy_carts", "UTC")).toMatchObject({
    name: "tidy_carts",
    task_type: "scheduled",
    timezone: "UTC",
  });
});

test("filters go into the address and come back", () => {
  const filters = { name: "Nightly", celery_task_name: "", source: "api", paused: false } as const;
  expect(readFilters(addressOf(filters))).toEqual(filters);
});

test("what an address gets wrong is left out", () => {
  const filters = readFilters(new URLSearchParams("source=moon&paused=maybe&name=%20"));
  expect(addressOf(filters).size).toBe(0);
});

test("an interval of a fraction is not a little more than that", () => {
  const draft = { ...emptyDraft("a.b", "UTC"), kind: "interval", unit: "minutes" } as const;
  expect(bodyOf({ ...draft, interval: "1.1" }).interval_seconds).toBe(66);
});
