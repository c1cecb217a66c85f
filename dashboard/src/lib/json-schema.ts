/**
 * A function's parameters, described by `/api/v1/task-types` in JSON Schema, as fields of a form.
 * Pure.
 */

export type Schema = Readonly<Record<string, unknown>>;

/** What a person fills a field in with; `json` is for everything that has no input of its own. */
export type Kind =
  | "text"
  | "secret"
  | "number"
  | "integer"
  | "switch"
  | "choice"
  | "date"
  | "time"
  | "datetime"
  | "list"
  | "json";

export interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** The function cannot be called without it. */
  readonly required: boolean;
  /** Whether null may be given. */
  readonly nullable: boolean;
  readonly description: string;
  /** Such as `["≥ 1", "≤ 10"]`. */
  readonly limits: readonly string[];
  /** The function's own default; undefined if it has none, or one that JSON cannot write. */
  readonly initial: unknown;
  /** Of a choice, and of a list whose items are chosen. */
  readonly options: readonly unknown[];
  /** What the items of a list are. */
  readonly items: "text" | "number" | "integer" | "choice";
  /** Whether an item may be in a list once only. */
  readonly unique: boolean;
  /** What a value may look like; empty where nothing is known. */
  readonly example: string;
}

/** What a function takes. */
export interface Signature {
  readonly fields: readonly Field[];
  /** The names that may be given by position, in order. */
  readonly positional: readonly string[];
  /** Those of them that can be given by position only. */
  readonly onlyPositional: readonly string[];
  /** Whether more may follow by position (`*args`). */
  readonly more: boolean;
  /** Whether other names are taken as well (`**kwargs`). */
  readonly extra: boolean;
}

const TEXT_KINDS: Readonly<Record<string, Kind>> = {
  date: "date",
  time: "time",
  "date-time": "datetime",
};
const LIMITS = [
  ["minimum", "≥"],
  ["exclusiveMinimum", ">"],
  ["maximum", "≤"],
  ["exclusiveMaximum", "<"],
] as const;
const FORMATS: Readonly<Record<string, string>> = {
  duration: "PT1H30M",
  uuid: "01a20e62-5c01-77fa-b45b-507bb0619966",
};
/** A schema may refer to itself. */
const DEEPEST = 4;

/** What a function takes that is described by this schema. */
export function signatureOf(schema: Schema): Signature {
  const required = texts(schema.required);
  return {
    fields: Object.entries(record(schema.properties)).map(([name, described]) =>
      fieldOf(name, record(described), required.includes(name)),
    ),
    positional: texts(schema["x-positional"]),
    onlyPositional: texts(schema["x-positional-only"]),
    more: schema["x-more-positional"] === true,
    // JSON Schema's own default: what says nothing about them allows them.
    extra: schema.additionalProperties !== false,
  };
}

/** The schema of a function of which nothing is known. */
export const ANYTHING: Schema = { "x-more-positional": true };

function fieldOf(name: string, described: Schema, required: boolean): Field {
  const { schema, nullable } = withoutNull(described, described);
  const items = resolve(record(schema.items), described);
  const itemKind = itemKindOf(schema, items);
  const plain = kindOf(schema, nullable, itemKind);
  // The function hides what it is given there, and so does the form.
  const kind = plain === "text" && described.writeOnly === true ? "secret" : plain;
  return {
    name,
    kind,
    required,
    nullable,
    description: typeof schema.description === "string" ? schema.description : "",
    limits: LIMITS.flatMap(([key, sign]) =>
      typeof schema[key] === "number" ? [`${sign} ${schema[key]}`] : [],
    ),
    initial: described.default,
    options: optionsOf(kind === "list" ? items : schema),
    items: itemKind ?? "text",
    unique: schema.uniqueItems === true,
    example: kind === "json" ? exampleText(schema, described) : formatExample(schema),
  };
}

function kindOf(schema: Schema, nullable: boolean, itemKind: Field["items"] | null): Kind {
  if (schema.type === "boolean" && !nullable) return "switch";
  if (optionsOf(schema).length > 0) return "choice";
  if (schema.type === "integer") return "integer";
  if (schema.type === "number") return "number";
  if (schema.type === "string") return TEXT_KINDS[String(schema.format)] ?? "text";
  return itemKind === null ? "json" : "list";
}

function itemKindOf(schema: Schema, items: Schema): Field["items"] | null {
  if (schema.type !== "array" || schema.prefixItems !== undefined) return null;
  if (items.type !== "boolean" && optionsOf(items).length > 0) return "choice";
  if (items.type === "integer") return "integer";
  if (items.type === "number") return "number";
  return items.type === "string" ? "text" : null;
}

function optionsOf(schema: Schema): readonly unknown[] {
  if ("const" in schema) return [schema.const];
  if (schema.type === "boolean") return [true, false];
  return list(schema.enum);
}

/** A schema without the null that it allows besides, and whether it does. */
function withoutNull(schema: Schema, root: Schema): { schema: Schema; nullable: boolean } {
  const flat = resolve(schema, root);
  const choices = list(flat.anyOf ?? flat.oneOf).map((each) => resolve(record(each), root));
  const others = choices.filter((each) => each.type !== "null");
  const nullable = others.length < choices.length;
  const [only] = others;
  if (only !== undefined && others.length === 1) {
    const { description = only.description } = flat;
    return { schema: { ...only, description }, nullable };
  }
  if (areNumbers(others)) return { schema: { ...flat, type: "number" }, nullable };
  return { schema: flat, nullable };
}

/** Such as a Decimal, which may be written as text too. */
function areNumbers(schemas: readonly Schema[]): boolean {
  return (
    schemas.some((each) => each.type === "number") &&
    schemas.every(
      (each) => each.type === "number" || each.type === "integer" || each.pattern !== undefined,
    )
  );
}

/** A schema in place of a reference to it. What stands beside the reference holds before it. */
function resolve(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let depth = 0; typeof found.$ref === "string" && depth < DEEPEST; depth += 1) {
    const { $ref, ...beside } = found;
    const steps = String($ref).split("/").slice(1);
    const target = steps.reduce<unknown>((at, step) => record(at)[step], root);
    found = { ...record(target), ...beside };
  }
  return found;
}

function formatExample(schema: Schema): string {
  return FORMATS[String(schema.format)] ?? "";
}

function exampleText(schema: Schema, root: Schema): string {
  const example = exampleOf(schema, root, 0);
  return example === undefined ? "" : JSON.stringify(example, null, 2);
}

function exampleOf(part: Schema, root: Schema, depth: number): unknown {
  const schema = resolve(part, root);
  const [option] = optionsOf(schema);
  const [choice] = list(schema.anyOf ?? schema.oneOf);
  if (option !== undefined) return option;
  if (choice !== undefined) return exampleOf(record(choice), root, depth + 1);
  if (schema.type === "string") return "text";
  if (schema.type === "integer" || schema.type === "number") return 1;
  if (schema.type === "boolean") return true;
  if (schema.type === "array") return exampleItems(schema, root, depth);
  if (schema.type === "object") return exampleObject(schema, root, depth);
  return undefined;
}

function exampleItems(schema: Schema, root: Schema, depth: number): unknown[] {
  if (depth >= DEEPEST) return [];
  const items = schema.prefixItems === undefined ? [schema.items] : list(schema.prefixItems);
  return items
    .map((each) => exampleOf(record(each), root, depth + 1))
    .filter((each) => each !== undefined);
}

function exampleObject(schema: Schema, root: Schema, depth: number): unknown {
  if (depth >= DEEPEST) return {};
  const known = Object.entries(record(schema.properties));
  const named: [string, unknown][] = known.length > 0 ? known : [["key", additional(schema)]];
  return Object.fromEntries(
    named.map(([name, each]) => [name, exampleOf(record(each), root, depth + 1) ?? null]),
  );
}

function additional(schema: Schema): unknown {
  return typeof schema.additionalProperties === "object"
    ? schema.additionalProperties
    : { type: "string" };
}

function record(value: unknown): Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Schema)
    : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): readonly string[] {
  return list(value).filter((each) => typeof each === "string");
}
