import { expect, test } from "vitest";
import { ANYTHING, type Field, type Schema, signatureOf } from "./json-schema";

/** As the catalogue writes it for a function of one parameter. */
function only(described: Schema, required = true): Field {
  const signature = signatureOf({
    type: "object",
    properties: { it: described },
    required: required ? ["it"] : [],
    additionalProperties: false,
    "x-positional": ["it"],
  });
  const [field] = signature.fields;
  if (field === undefined) throw new Error("There is no field");
  return field;
}

const COLOR = { enum: ["red", "green"], title: "Color", type: "string" };

test("the parameters of the function that comes with the system are a number and a text", () => {
  const signature = signatureOf({
    type: "object",
    properties: {
      duration: { type: "number" },
      param: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
    },
    required: ["duration"],
    additionalProperties: false,
    "x-positional": ["duration", "param"],
  });
  expect(signature.fields.map(({ name, kind, required }) => [name, kind, required])).toEqual([
    ["duration", "number", true],
    ["param", "text", false],
  ]);
  expect(signature.fields[1]).toMatchObject({ nullable: true, initial: null });
  expect(signature).toMatchObject({ extra: false, more: false, onlyPositional: [] });
});

test.each([
  [{ type: "string" }, "text"],
  [{ type: "integer" }, "integer"],
  [{ type: "number" }, "number"],
  [{ type: "boolean" }, "switch"],
  [{ format: "date", type: "string" }, "date"],
  [{ format: "time", type: "string" }, "time"],
  [{ format: "date-time", type: "string" }, "datetime"],
  [{ format: "uuid", type: "string" }, "text"],
  [{ enum: ["fast", "slow"], type: "string" }, "choice"],
  [{ const: "fast", type: "string" }, "choice"],
  [{ items: { type: "string" }, type: "array" }, "list"],
  [{ anyOf: [{ items: { type: "integer" }, type: "array" }, { type: "null" }] }, "list"],
  [{ maxItems: 2, minItems: 2, prefixItems: [{ type: "integer" }], type: "array" }, "json"],
  [{ items: { type: "object" }, type: "array" }, "json"],
  [{ additionalProperties: { type: "integer" }, type: "object" }, "json"],
  [{ anyOf: [{ type: "integer" }, { type: "string" }] }, "json"],
  [{ anyOf: [{ type: "number" }, { pattern: "^\\d+$", type: "string" }] }, "number"],
  [{}, "json"],
])("%j is filled in as %s", (described, kind) => {
  expect(only(described).kind).toBe(kind);
});

test("a sensitive text is typed unseen, also where it may be null", () => {
  const hidden = { format: "password", writeOnly: true };
  expect(only({ ...hidden, type: "string" }).kind).toBe("secret");
  const optional = only({ ...hidden, anyOf: [{ type: "string" }, { type: "null" }] });
  expect(optional).toMatchObject({ kind: "secret", nullable: true });
  expect(only({ ...hidden, type: "integer" }).kind).toBe("integer");
});

test("a yes or no that may be null is a choice", () => {
  const field = only({ anyOf: [{ type: "boolean" }, { type: "null" }], default: null }, false);
  expect(field).toMatchObject({ kind: "choice", options: [true, false], nullable: true });
});

test("an enumeration is found behind its name", () => {
  const reference = { $ref: "#/$defs/Color" };
  const field = only({ $defs: { Color: COLOR }, anyOf: [reference, { type: "null" }] });
  expect(field).toMatchObject({ kind: "choice", options: ["red", "green"], nullable: true });
  const colors = only({ $defs: { Color: COLOR }, items: reference, type: "array" });
  expect(colors).toMatchObject({ kind: "list", items: "choice", options: ["red", "green"] });
});

test("descriptions and limits of an annotation are kept", () => {
  const field = only({ description: "How many", maximum: 10, minimum: 1, type: "integer" });
  expect(field).toMatchObject({ description: "How many", limits: ["≥ 1", "≤ 10"] });
});

test("a set says that its items are there once", () => {
  expect(only({ items: { type: "string" }, type: "array", uniqueItems: true }).unique).toBe(true);
});

test("an object shows what it may look like", () => {
  const model = {
    properties: { sku: { type: "string" }, counts: { items: { type: "integer" }, type: "array" } },
    type: "object",
  };
  const field = only({ $defs: { Item: model }, $ref: "#/$defs/Item" });
  expect(JSON.parse(field.example)).toEqual({ sku: "text", counts: [1] });
});

test("a model that holds itself has an example that ends", () => {
  const node = { properties: { below: { $ref: "#/$defs/Node" } }, type: "object" };
  const field = only({ $defs: { Node: node }, $ref: "#/$defs/Node" });
  expect(field.kind).toBe("json");
  expect(field.example.length).toBeLessThan(500);
});

test("of what is not described anything may be given", () => {
  expect(signatureOf(ANYTHING)).toMatchObject({ fields: [], more: true, extra: true });
});

test("*args and **kwargs are said by the schema", () => {
  const schema = {
    type: "object",
    properties: {},
    "x-more-positional": true,
    required: [],
    additionalProperties: true,
    "x-positional": [],
  };
  expect(signatureOf(schema)).toMatchObject({ more: true, extra: true });
});
