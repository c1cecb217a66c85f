/** Filters in words: what each restricts, and to what. Pure: the words are handed in. */

export const FILTER_NAMES = [
  "status",
  "q",
  "celery_task_name",
  "task_type",
  "queue",
  "priority",
  "tag",
  "owner_ref",
  "parent_id",
  "created_after",
  "created_before",
] as const;

export type FilterName = (typeof FILTER_NAMES)[number];

export interface FilterLine {
  readonly name: FilterName;
  readonly value: string;
}

interface Sayings {
  readonly statuses: Readonly<Record<string, string>>;
  readonly priorities: Readonly<Record<number, string>>;
  /** A time of the API as people read it. */
  readonly time: (moment: string) => string;
}

/** What the filters restrict, in a fixed order; what they leave open is left out. */
export function filterLines(
  filters: Readonly<Partial<Record<FilterName, unknown>>>,
  say: Sayings,
): readonly FilterLine[] {
  return FILTER_NAMES.flatMap((name) => {
    const value = filters[name];
    const open = value === undefined || value === null || value === "";
    const line = open ? "" : inWords(name, value, say);
    return line === "" ? [] : [{ name, value: line }];
  });
}

function inWords(name: FilterName, value: unknown, say: Sayings): string {
  if (Array.isArray(value)) return value.map((each) => statusOf(each, say)).join(", ");
  if (name === "priority") return say.priorities[Number(value)] ?? String(value);
  if (name === "created_after" || name === "created_before") {
    return Number.isNaN(Date.parse(String(value))) ? String(value) : say.time(String(value));
  }
  return String(value);
}

function statusOf(value: unknown, say: Sayings): string {
  return say.statuses[String(value)] ?? String(value);
}
