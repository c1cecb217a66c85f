/** Limits as they are typed in: what is wrong with them, and what is sent. Pure. */
import type { Limit, LimitKind } from "../../api/types";
import { saidAt } from "../../components/places";

export const KINDS: readonly LimitKind[] = ["queue", "task", "key"];
export const MOST = 100_000;

const RATE = /^([1-9]\d{0,5})\/[smh]$/;
const FIELDS = ["name", "concurrency", "rate"] as const;
/** Refusals that are about the name. */
const MEANT = { unknown_queue: "name", unknown_function: "name" };

export interface Draft {
  readonly kind: LimitKind;
  readonly name: string;
  /** Empty where it does not limit; a text while something is typed that is no number. */
  readonly concurrency: number | string;
  readonly rate: string;
}

export type Field = (typeof FIELDS)[number];
export type Fault = "missing" | "slash" | "star" | "range" | "rate" | "nothing";

export const EMPTY: Draft = { kind: "queue", name: "", concurrency: "", rate: "" };

/** A limit as it would be typed in. */
export function draftOf(limit: Limit): Draft {
  const { kind, name, concurrency, rate } = limit;
  return { kind, name, concurrency: concurrency ?? "", rate: rate ?? "" };
}

/** What is wrong, by field: known without asking the API. */
export function faultsOf(draft: Draft): Partial<Record<Field, Fault>> {
  const name = nameFault(draft);
  const { concurrency, rate } = valuesOf(draft);
  const faults: Partial<Record<Field, Fault>> = name ? { name } : {};
  if (concurrency === null && rate === null) return { ...faults, concurrency: "nothing" };
  if (concurrency !== null && !isCount(concurrency)) faults.concurrency = "range";
  if (rate !== null && !isRate(rate)) faults.rate = "rate";
  return faults;
}

function nameFault({ kind, name }: Draft): Fault | null {
  const given = name.trim();
  if (given === "") return "missing";
  if (kind !== "key") return null;
  if (given.includes("/")) return "slash";
  return given.slice(0, -1).includes("*") ? "star" : null;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MOST;
}

function isRate(text: string): boolean {
  const found = RATE.exec(text);
  return found !== null && Number(found[1]) <= MOST;
}

/** What is sent. What is empty does not limit. */
export function valuesOf({ concurrency, rate }: Draft) {
  const count = String(concurrency).trim();
  return { concurrency: count === "" ? null : Number(count), rate: rate.trim() || null };
}

/** What the API says about single fields; null where that is not all it says. */
export function saidOf(error: unknown) {
  return saidAt(error, FIELDS, MEANT);
}

/** The limit that this one would replace. */
export function replaced(limits: readonly Limit[], draft: Draft): Limit | undefined {
  return limits.find(({ kind, name }) => kind === draft.kind && name === draft.name.trim());
}

/** Whether it lets no further task out now. That of many keys is not known from their sum. */
export function isReached({ kind, name, concurrency, rate, used, handed_out }: Limit): boolean {
  if (kind === "key" && name.endsWith("*")) return false;
  if (concurrency !== null && used >= concurrency) return true;
  return rate !== null && handed_out >= Number(rate.split("/")[0]);
}
