/** What is filled into the fields of a function, as the arguments of a task, and back. Pure. */
import type { Field, Signature } from "./json-schema";
import { fromLocal, toLocal } from "./local-time";

/** JSON that a person writes. */
export interface Json {
  readonly json: string;
}
/** What a field holds: text of an input, yes or no, null, items of a list. */
export type Value = string | boolean | null | readonly string[] | Json;
/** By the parameter's name. What has not been touched is not there. */
export type Values = Readonly<Record<string, Value>>;

/** Under these names, which no parameter has, stands what is given beyond the named parameters. */
export const MORE = "*";
export const EXTRA = "**";

/** Why what is filled in cannot be sent. */
export type Fault =
  | "required"
  | "number"
  | "integer"
  | "large"
  | "time"
  | "json"
  | "list"
  | "object";
export type Faults = Readonly<Record<string, Fault>>;

export interface Arguments {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** By the parameter's name; none if the two above are complete. */
  readonly faults: Faults;
}

type Read = { readonly given: unknown } | { readonly fault: Fault } | { readonly leftOut: true };

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

/** An own entry of a record: names come from others, and may be such as `constructor`. */
export function own<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** Whether a value is JSON that a person writes. */
export function isJson(value: Value): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The arguments of these values: by name, but by position what can be given in no other way.
 *
 * What is not touched is left out: the function's own defaults hold, also when they change.
 */
export function argumentsOf(signature: Signature, values: Values): Arguments {
  const given = new Map<string, unknown>();
  const faults = new Map<string, Fault>();
  for (const field of signature.fields) {
    const read = readField(field, own(values, field.name));
    if ("given" in read) given.set(field.name, read.given);
    if ("fault" in read) faults.set(field.name, read.fault);
  }
  const more = readJson(own(values, MORE), "list");
  const extra = readJson(own(values, EXTRA), "object");
  if ("fault" in more) faults.set(MORE, more.fault);
  if ("fault" in extra) faults.set(EXTRA, extra.fault);
  const rest = "given" in more ? (more.given as unknown[]) : [];
  const args = byPosition(signature, given, faults, rest.length > 0);
  return {
    args: [...args, ...rest],
    kwargs: { ...("given" in extra ? (extra.given as object) : {}), ...Object.fromEntries(given) },
    faults: Object.fromEntries(faults),
  };
}

/** Takes out of `given` what goes by position: no name before the last of those may be missing. */
function byPosition(
  signature: Signature,
  given: Map<string, unknown>,
  faults: Map<string, Fault>,
  all: boolean,
): unknown[] {
  const { positional, onlyPositional, fields } = signature;
  const last = onlyPositional.findLastIndex((name) => given.has(name));
  const names = all ? positional : onlyPositional.slice(0, last + 1);
  return names.map((name) => {
    const initial = fields.find((field) => field.name === name)?.initial;
    const value = given.has(name) ? given.get(name) : initial;
    if (value === undefined && !faults.has(name)) faults.set(name, "required");
    given.delete(name);
    return value;
  });
}

function readField(field: Field, value: Value | undefined): Read {
  if (value === undefined) return untouched(field);
  if (value === null || typeof value === "boolean") return { given: value };
  if (typeof value === "string") return value === "" ? emptied(field) : readText(field, value);
  if (isJson(value)) return value.json.trim() === "" ? untouched(field) : readJson(value);
  return readList(field, value);
}

function untouched(field: Field): Read {
  if (!field.required) return { leftOut: true };
  // A switch that nobody has touched shows that it is off.
  return field.kind === "switch" ? { given: false } : { fault: "required" };
}

function emptied(field: Field): Read {
  // Whoever empties a text that the function would fill wants it empty.
  if (field.kind === "text" && field.initial) return { given: "" };
  return untouched(field);
}

function readText(field: Field, text: string): Read {
  switch (field.kind) {
    case "number":
    case "integer":
      return readNumber(text, field.kind);
    case "datetime": {
      const moment = fromLocal(text);
      return moment === null ? { fault: "time" } : { given: moment };
    }
    case "choice":
      return { given: optionOf(field, text) };
    default:
      return { given: text };
  }
}

function readList(field: Field, items: readonly string[]): Read {
  const read = items.map((item): Read => {
    if (field.items === "choice") return { given: optionOf(field, item) };
    return field.items === "text" ? { given: item } : readNumber(item, field.items);
  });
  const fault = read.find((each) => "fault" in each);
  return fault ?? { given: read.map((each) => ("given" in each ? each.given : null)) };
}

/** A number as people write it, or why it is none. */
export function readNumber(text: string, kind: "number" | "integer"): Read {
  const trimmed = text.trim();
  if (!(kind === "integer" ? INTEGER : NUMBER).test(trimmed)) return { fault: kind };
  const value = Number(trimmed);
  const exact = kind === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
  return exact ? { given: value } : { fault: "large" };
}

function readJson(value: Value | undefined, shape?: "list" | "object"): Read {
  if (value === undefined || value === null || typeof value === "boolean") return { leftOut: true };
  const text = typeof value === "string" ? value : isJson(value) ? value.json : "";
  if (text.trim() === "") return { leftOut: true };
  try {
    const given: unknown = JSON.parse(text);
    return shape && shapeOf(given) !== shape ? { fault: shape } : { given };
  } catch {
    return { fault: "json" };
  }
}

function shapeOf(value: unknown): "list" | "object" | null {
  if (Array.isArray(value)) return "list";
  return typeof value === "object" && value !== null ? "object" : null;
}

/** How an option is written in a field: as JSON, so that 1 and "1" are two. */
export function optionText(option: unknown): string {
  return JSON.stringify(option);
}

function optionOf(field: Field, text: string): unknown {
  return field.options.find((option) => optionText(option) === text);
}

/** What a field shows: what is filled in, else the function's own default. */
export function shown(field: Field, values: Values): Value {
  const value = own(values, field.name);
  if (value !== undefined) return value;
  const { initial } = field;
  if (initial !== undefined && initial !== null && initial !== "") return written(field, initial);
  if (field.kind === "switch") return false;
  if (field.kind === "json") return { json: "" };
  return field.kind === "list" ? [] : "";
}

/** The values that give these arguments: those of a task or a schedule that is there. */
export function valuesOf(
  signature: Signature,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Values {
  const known = new Map(signature.fields.map((field) => [field.name, field]));
  const named = new Map(Object.entries(kwargs));
  signature.positional.slice(0, args.length).forEach((name, index) => {
    named.set(name, args[index]);
  });
  const values = [...named].flatMap(([name, given]): [string, Value][] => {
    const field = known.get(name);
    return field ? [[name, written(field, given)]] : [];
  });
  const rest = args.slice(signature.positional.length);
  const extra = [...named].filter(([name]) => !known.has(name));
  if (rest.length > 0) values.push([MORE, asJson(rest)]);
  if (extra.length > 0) values.push([EXTRA, asJson(Object.fromEntries(extra))]);
  return Object.fromEntries(values);
}

/** A value as the field would hold it; as JSON what does not suit the field. */
function written(field: Field, given: unknown): Value {
  if (given === null && field.nullable && field.kind !== "json") return null;
  return suited(field, given) ?? asJson(given);
}

function suited(field: Field, given: unknown): Value | undefined {
  switch (field.kind) {
    case "number":
    case "integer":
      return typeof given === "number" ? String(given) : undefined;
    case "switch":
      return typeof given === "boolean" ? given : undefined;
    case "choice":
      return optionIn(field, given);
    case "datetime":
      return (typeof given === "string" && toLocal(given)) || undefined;
    case "list":
      return itemsOf(field, given);
    case "json":
      return undefined;
    default:
      // As an input holds it, "" would mean that nothing is given.
      return typeof given === "string" && given !== "" ? given : undefined;
  }
}

function optionIn(field: Field, given: unknown): string | undefined {
  const text = optionText(given);
  return field.options.some((option) => optionText(option) === text) ? text : undefined;
}

function itemsOf(field: Field, given: unknown): readonly string[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const items = given.map((item: unknown) => {
    if (field.items === "choice") return optionIn(field, item);
    const wanted = field.items === "text" ? "string" : "number";
    return typeof item === wanted ? String(item) : undefined;
  });
  // What is chosen can be chosen once.
  const isTwice = field.items === "choice" && new Set(items).size < items.length;
  return !isTwice && items.every((item) => item !== undefined) ? items : undefined;
}

function asJson(value: unknown): Json {
  return { json: JSON.stringify(value, null, 2) };
}

/**
 * The parameter that the API means by a place of an error such as `["body", "kwargs", "name"]`;
 * null where it means none of them.
 */
export function parameterAt(
  signature: Signature,
  loc: readonly (string | number)[],
): string | null {
  const [, where, what] = loc;
  if (where === "args" && typeof what === "number") return signature.positional[what] ?? MORE;
  if (where !== "kwargs" || what === undefined) return null;
  const known = signature.fields.some((field) => field.name === what);
  return known ? String(what) : EXTRA;
}
