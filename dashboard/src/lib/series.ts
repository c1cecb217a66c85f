/** Statistics as columns of a chart, and spans of time. Pure: language and moment are handed in. */
import type { Statistics, StatisticsLine } from "../api/types";
import { count, duration } from "./format";

export type Bucket = Statistics["bucket"];
export type Unit = "count" | "duration";

/** Beginnings of buckets in seconds; after them the values of each line, one for each bucket. */
export type Columns = [times: number[], ...values: (number | null)[][]];

/** From, and to but not included, in seconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Buckets begin at multiples of this (UTC). */
export const SECONDS: Readonly<Record<Bucket, number>> = { hour: 3_600, day: 86_400 };

export const COUNTED = ["created", "succeeded", "failed", "revoked"] as const;
export const PERCENTILES = ["p50", "p90", "p99"] as const;

/** How far back the overview looks: so many whole buckets, and the present one. */
export const RANGES = {
  "6h": { bucket: "hour", buckets: 6 },
  "24h": { bucket: "hour", buckets: 24 },
  "7d": { bucket: "hour", buckets: 7 * 24 },
  "30d": { bucket: "day", buckets: 30 },
} as const;
export type RangeName = keyof typeof RANGES;
export const RANGE_NAMES = Object.keys(RANGES) as readonly RangeName[];

/** The range that an address names; a day where it names none. */
export function readRange(text: string | null): RangeName {
  return RANGE_NAMES.find((name) => name === text) ?? "24h";
}

/** When a range begins, of which the last bucket is the one of `now` (milliseconds). */
export function rangeBegin(name: RangeName, now: number): string {
  const { bucket, buckets } = RANGES[name];
  return iso((Math.floor(now / 1000 / SECONDS[bucket]) - buckets) * SECONDS[bucket]);
}

/** A time of the API. */
export function iso(seconds: number): string {
  return new Date(1000 * seconds).toISOString();
}

/** Beginnings of all buckets that have begun: the API leaves out those where nothing happened. */
export function bucketsOf(statistics: Statistics): number[] {
  const length = SECONDS[statistics.bucket];
  const begin = Date.parse(statistics.begins_at) / 1000;
  const end = Math.min(Date.parse(statistics.ends_at), Date.parse(statistics.as_of)) / 1000;
  const buckets = Math.max(0, Math.ceil((end - begin) / length));
  return Array.from({ length: buckets }, (_, at) => begin + at * length);
}

/** What happened in each bucket. Where nothing did, that is a zero. */
export function countColumns(statistics: Statistics): Columns {
  const times = bucketsOf(statistics);
  const lines = byTime(statistics.points);
  return [times, ...COUNTED.map((name) => times.map((time) => lines.get(time)?.[name] ?? 0))];
}

/** How long it took in each bucket. Where nothing happened, that is not known. */
export function spreadColumns(statistics: Statistics, what: "wait" | "run"): Columns {
  const times = bucketsOf(statistics);
  const lines = byTime(statistics.points);
  return [
    times,
    ...PERCENTILES.map((name) => times.map((time) => lines.get(time)?.[what][name] ?? null)),
  ];
}

/** How many tasks finished in each bucket, a line for each of these groups. */
export function groupColumns(statistics: Statistics, groups: readonly (string | null)[]): Columns {
  const times = bucketsOf(statistics);
  return [
    times,
    ...groups.map((group) => {
      const lines = byTime(statistics.points.filter((line) => line.group === group));
      return times.map((time) => lines.get(time)?.finished ?? 0);
    }),
  ];
}

function byTime(lines: readonly StatisticsLine[]): Map<number, StatisticsLine> {
  return new Map(lines.map((line) => [Date.parse(line.begins_at) / 1000, line]));
}

/** The whole buckets that a stretch of a chart touches; null if there is nothing there. */
export function wholeBuckets(
  times: readonly number[],
  bucket: Bucket,
  from: number,
  to: number,
): Span | null {
  const length = SECONDS[bucket];
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return null;
  if (from >= last + length || to <= first) return null;
  const begin = Math.max(first, Math.floor(from / length) * length);
  const end = Math.min(last + length, Math.ceil(to / length) * length);
  return { from: begin, to: Math.max(end, begin + length) };
}

/** Places of values that have none on either side: no line leads to them. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  const has = (at: number) => values[at] !== null && values[at] !== undefined;
  return Array.from({ length: values.length }, (_, at) => at).filter(
    (at) => has(at) && !has(at - 1) && !has(at + 1),
  );
}

/** A value in words; a dash where there is none. */
export function valueText(value: number | null | undefined, unit: Unit, language: string): string {
  if (value === null || value === undefined) return "–";
  return unit === "count" ? count(value, language) : duration(value);
}

/** Days are those of UTC, whatever the viewer's zone; hours are shown in it. */
function zoneOf(bucket: Bucket): { timeZone?: string } {
  return bucket === "day" ? { timeZone: "UTC" } : {};
}

/** The name of a bucket: `Nov 27, 08:00`, or of a day `Nov 27`. */
export function bucketLabel(time: number, bucket: Bucket, language: string): string {
  return new Intl.DateTimeFormat(language, {
    month: "short",
    day: "numeric",
    ...(bucket === "hour" ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : {}),
    ...zoneOf(bucket),
  }).format(1000 * time);
}

/** A span of whole buckets, with both its ends. */
export function spanLabel(span: Span, bucket: Bucket, language: string): string {
  const [from, to] = [1000 * span.from, 1000 * span.to];
  if (bucket === "hour") {
    const format = { dateStyle: "medium", timeStyle: "short" } as const;
    return new Intl.DateTimeFormat(language, format).formatRange(from, to);
  }
  // The last day, not the one that begins where it ends.
  const format = { dateStyle: "medium", ...zoneOf(bucket) } as const;
  return `${new Intl.DateTimeFormat(language, format).formatRange(from, to - 1)} UTC`;
}

/** Words for the places along an axis of time that are `step` seconds apart. */
export function tickLabels(
  times: readonly number[],
  step: number,
  bucket: Bucket,
  language: string,
): string[] {
  const zone = zoneOf(bucket);
  const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", ...zone });
  const hour = new Intl.DateTimeFormat(language, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...zone,
  });
  return times.map((time) => {
    const clock = hour.format(1000 * time);
    return step >= SECONDS.day || clock === "00:00" ? day.format(1000 * time) : clock;
  });
}
