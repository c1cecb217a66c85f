/** Named filters of the list of tasks, and its columns, as a browser keeps them. Pure. */
import { type Filters, readFilters, writeFilters } from "./address";

const VIEWS = "tasksystem.views";
const COLUMNS = "tasksystem.columns";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const LONGEST_NAME = 60;

/** Where things are kept: `localStorage`, or anything like it. */
export type Kept = Pick<Storage, "getItem" | "setItem">;

export interface View {
  readonly name: string;
  /** The filters, as the page's address has them. */
  readonly address: string;
}

export const BUILT_IN = ["failed", "waiting", "running"] as const;
export type BuiltIn = (typeof BUILT_IN)[number];

/** The filters of a view that is always there; `now` in milliseconds. */
export function builtIn(name: BuiltIn, now: number): Filters {
  if (name === "waiting") return { status: ["pending"] };
  if (name === "running") return { status: ["running"] };
  // A whole minute: the same view is the same address for that long.
  const since = Math.floor((now - DAY_MS) / MINUTE_MS) * MINUTE_MS;
  return { status: ["failed"], created_after: new Date(since).toISOString() };
}

/** The filters of a view that somebody has named. */
export function filtersOf(view: View): Filters {
  return readFilters(new URLSearchParams(view.address));
}

/** The views that are kept, by name; what cannot be read is left out. */
export function readViews(kept: Kept): readonly View[] {
  return readList(kept, VIEWS).filter(isView);
}

/** Keeps the filters under a name, in place of what had it; the views are answered. */
export function saveView(kept: Kept, name: string, filters: Filters): readonly View[] {
  const view = {
    name: name.trim().slice(0, LONGEST_NAME),
    address: writeFilters(filters).toString(),
  };
  const others = readViews(kept).filter((each) => each.name !== view.name);
  return writeList(kept, VIEWS, [...others, view].sort(byName));
}

/** Forgets a view; those that are left are answered. */
export function removeView(kept: Kept, name: string): readonly View[] {
  const others = readViews(kept).filter((each) => each.name !== name);
  return writeList(kept, VIEWS, others);
}

/** The columns that were chosen, in the order of `known`; null when none were. */
export function readColumns<Name extends string>(
  kept: Kept,
  known: readonly Name[],
): readonly Name[] | null {
  const chosen = readList(kept, COLUMNS);
  const columns = known.filter((name) => chosen.includes(name));
  return columns.length > 0 ? columns : null;
}

export function saveColumns(kept: Kept, columns: readonly string[]): void {
  writeList(kept, COLUMNS, columns);
}

function byName(one: View, other: View): number {
  return one.name.localeCompare(other.name);
}

function isView(value: unknown): value is View {
  if (typeof value !== "object" || value === null) return false;
  const { name, address } = value as Record<string, unknown>;
  return typeof name === "string" && name !== "" && typeof address === "string";
}

function readList(kept: Kept, key: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(kept.getItem(key) ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function writeList<T>(kept: Kept, key: string, list: readonly T[]): readonly T[] {
  try {
    kept.setItem(key, JSON.stringify(list));
  } catch {
    // The browser keeps nothing, or its store is full: it holds while the page is open.
  }
  return list;
}
