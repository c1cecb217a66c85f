/** What a report is asked for, kept in the page's address by the API's names. Pure. */
import type { Statistics } from "../../api/types";
import type { Filters } from "../../lib/address";
import type { Bucket } from "../../lib/series";

export const FILTERS = ["task_type", "celery_task_name", "queue"] as const;
const TEXTS = ["from", "to", ...FILTERS] as const;
type TextName = (typeof TEXTS)[number];

/** Empty text is not asked for. `from` and `to` are times of the API. */
export interface Wanted extends Readonly<Record<TextName, string>> {
  readonly bucket: Bucket;
}

export type Query = { bucket: Bucket } & Partial<Record<TextName, string>>;

/** What an address asks for; what it gets wrong is left out. */
export function readWanted(address: URLSearchParams): Wanted {
  const text = (name: string) => address.get(name)?.trim() ?? "";
  const time = (name: string) => (Number.isNaN(Date.parse(text(name))) ? "" : text(name));
  return {
    bucket: text("bucket") === "hour" ? "hour" : "day",
    from: time("from"),
    to: time("to"),
    task_type: text("task_type"),
    celery_task_name: text("celery_task_name"),
    queue: text("queue"),
  };
}

function asked(wanted: Wanted): [TextName, string][] {
  return TEXTS.map((name): [TextName, string] => [name, wanted[name].trim()]).filter(
    ([, value]) => value !== "",
  );
}

/** The address that asks for it. */
export function writeWanted(wanted: Wanted): URLSearchParams {
  return new URLSearchParams([["bucket", wanted.bucket], ...asked(wanted)]);
}

/** What the API is asked for. */
export function queryOf(wanted: Wanted): Query {
  return { bucket: wanted.bucket, ...Object.fromEntries(asked(wanted)) };
}

/** Where the report is to be had in another format. */
export function downloadAddress(kind: string, wanted: Wanted, format: "csv" | "html"): string {
  const query = writeWanted(wanted);
  query.set("format", format);
  return `/api/v1/reports/${encodeURIComponent(kind)}?${query}`;
}

/** Which tasks a report is about, so far as the list of tasks can be asked for them. */
export function filtersOf(wanted: Wanted): Partial<Filters> {
  const filters: readonly string[] = FILTERS;
  return Object.fromEntries(asked(wanted).filter(([name]) => filters.includes(name)));
}

/** What the API calls the groups that it has put together. */
const OTHERS = "(other)";

/** Which tasks of the report are in a group; null where the list cannot be asked for them. */
export function filtersOfGroup(
  statistics: Statistics,
  group: string | null,
  wanted: Wanted,
): Partial<Filters> | null {
  const { group_by, begins_at, ends_at } = statistics;
  if (group === null || group_by === null || group === OTHERS) return null;
  return {
    ...filtersOf(wanted),
    ...(group_by === "status" ? { status: [group] } : { [group_by]: group }),
    created_after: begins_at,
    created_before: ends_at,
  };
}
