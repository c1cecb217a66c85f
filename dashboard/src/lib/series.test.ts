import { expect, test } from "vitest";
import type { Statistics, StatisticsLine } from "../api/types";
import {
  bucketLabel,
  bucketsOf,
  countColumns,
  groupColumns,
  isolated,
  rangeBegin,
  readRange,
  spanLabel,
  spreadColumns,
  tickLabels,
  valueText,
  wholeBuckets,
} from "./series";

const HOUR = 3_600;
const EIGHT = Date.parse("2026-11-27T08:00:00Z") / 1000;
const NOTHING = { count: 0, p50: null, p90: null, p99: null };

function line(begins_at: string, more: Partial<StatisticsLine> = {}): StatisticsLine {
  return {
    ...{ begins_at, group: null, seconds: HOUR, created: 0, started: 0, finished: 0 },
    ...{ succeeded: 0, failed: 0, revoked: 0, failure_rate: null, per_second: 0 },
    ...{ wait: NOTHING, run: NOTHING },
    ...more,
  };
}

function statistics(more: Partial<Statistics> = {}): Statistics {
  return {
    begins_at: "2026-11-27T08:00:00Z",
    ends_at: "2026-11-27T12:00:00Z",
    as_of: "2026-11-27T11:20:00Z",
    bucket: "hour",
    group_by: null,
    total: line("2026-11-27T08:00:00Z"),
    groups: [],
    points: [],
    ...more,
  };
}

test("buckets in which nothing happened are there", () => {
  expect(bucketsOf(statistics())).toEqual([0, 1, 2, 3].map((at) => EIGHT + at * HOUR));
});

test("a bucket that has not begun is not there", () => {
  expect(bucketsOf(statistics({ as_of: "2026-11-27T09:30:00Z" }))).toHaveLength(2);
  expect(bucketsOf(statistics({ as_of: "2026-11-27T07:30:00Z" }))).toEqual([]);
});

test("days are whole days of UTC", () => {
  const ends = { begins_at: "2026-11-26T00:00:00Z", ends_at: "2026-11-28T00:00:00Z" };
  const begins = bucketsOf(statistics({ bucket: "day", ...ends }));
  expect(begins.map((time) => new Date(1000 * time).toISOString())).toEqual([
    "2026-11-26T00:00:00.000Z",
    "2026-11-27T00:00:00.000Z",
  ]);
});

test("nothing counted is zero", () => {
  const figures = { created: 5, succeeded: 3, failed: 1, revoked: 1 };
  const points = [line("2026-11-27T09:00:00Z", figures)];
  const [times, created, succeeded, failed, revoked] = countColumns(statistics({ points }));
  expect(times).toHaveLength(4);
  expect([created, succeeded]).toEqual([
    [0, 5, 0, 0],
    [0, 3, 0, 0],
  ]);
  expect([failed, revoked]).toEqual([
    [0, 1, 0, 0],
    [0, 1, 0, 0],
  ]);
});

test("a duration of nothing is unknown, not zero", () => {
  const wait = { count: 2, p50: 0, p90: 2, p99: 3 };
  const points = [line("2026-11-27T10:00:00Z", { wait })];
  const [, p50, p90] = spreadColumns(statistics({ points }), "wait");
  expect(p50).toEqual([null, null, 0, null]);
  expect(p90).toEqual([null, null, 2, null]);
  expect(spreadColumns(statistics({ points }), "run")[1]).toEqual([null, null, null, null]);
});

test("times of the API are found however they are written", () => {
  const points = [line("2026-11-27T08:00:00+00:00", { created: 7 })];
  expect(countColumns(statistics({ points }))[1]?.[0]).toBe(7);
});

test("each group has its own line", () => {
  const points = [
    line("2026-11-27T08:00:00Z", { group: "mail", finished: 4 }),
    line("2026-11-27T08:00:00Z", { group: "print", finished: 9 }),
    line("2026-11-27T11:00:00Z", { group: "mail", finished: 1 }),
  ];
  const found = groupColumns(statistics({ points }), ["print", "mail"]);
  expect(found.slice(1)).toEqual([
    [9, 0, 0, 0],
    [4, 0, 0, 1],
  ]);
});

test("an address that names no range means a day", () => {
  expect(readRange("7d")).toBe("7d");
  expect(readRange(null)).toBe("24h");
  expect(readRange("toString")).toBe("24h");
});

test("a range begins with a whole bucket and holds all of its time", () => {
  const now = Date.parse("2026-11-27T11:20:00Z");
  expect(rangeBegin("6h", now)).toBe("2026-11-27T05:00:00.000Z");
  expect(rangeBegin("30d", now)).toBe("2026-10-28T00:00:00.000Z");
});

test("what is dragged over becomes whole buckets", () => {
  const times = bucketsOf(statistics());
  const found = wholeBuckets(times, "hour", EIGHT + 1.2 * HOUR, EIGHT + 1.4 * HOUR);
  expect(found).toEqual({ from: EIGHT + HOUR, to: EIGHT + 2 * HOUR });
});

test("what is dragged over ends with the chart", () => {
  const times = bucketsOf(statistics());
  const all = { from: EIGHT, to: EIGHT + 4 * HOUR };
  expect(wholeBuckets(times, "hour", EIGHT - HOUR, EIGHT + 9 * HOUR)).toEqual(all);
  expect(wholeBuckets(times, "hour", EIGHT + 5 * HOUR, EIGHT + 6 * HOUR)).toBeNull();
  expect(wholeBuckets([], "hour", 0, 1)).toBeNull();
});

test("a moment between two buckets is a bucket", () => {
  const times = bucketsOf(statistics());
  const moment = EIGHT + HOUR;
  expect(wholeBuckets(times, "hour", moment, moment)).toEqual({ from: moment, to: moment + HOUR });
});

test("a value without neighbours stands alone", () => {
  expect(isolated([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
  expect(isolated([null, 0, null])).toEqual([1]);
  expect(isolated([])).toEqual([]);
});

test("values say what they are", () => {
  expect(valueText(1234, "count", "en")).toBe("1,234");
  expect(valueText(90, "duration", "en")).toBe("1 min 30 s");
  expect(valueText(null, "duration", "en")).toBe("–");
});

test("a day is named as in UTC, wherever one is", () => {
  const day = Date.parse("2026-11-27T00:00:00Z") / 1000;
  expect(bucketLabel(day, "day", "en")).toBe("Nov 27");
  expect(bucketLabel(day, "day", "zh")).toBe("11月27日");
  expect(tickLabels([day], 6 * HOUR, "day", "en")).toEqual(["Nov 27"]);
});

test("a span of days names its last day, not the next one", () => {
  const from = Date.parse("2026-11-25T00:00:00Z") / 1000;
  const label = spanLabel({ from, to: from + 2 * 24 * HOUR }, "day", "en");
  expect(label).toMatch(/25.*26.*2026 UTC/);
  expect(label).not.toContain("27");
});
