/** Arguments as somebody types them. Pure. */

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  /** `json`: the parser's own message; `shape`: it is JSON, but of another kind. */
  | { readonly ok: false; readonly why: "json" | "shape"; readonly message: string };

/** Positional arguments: a JSON list. */
export function parseArgs(text: string): Parsed<unknown[]> {
  return parse(text, (value): value is unknown[] => Array.isArray(value));
}

/** Named arguments: a JSON object. */
export function parseKwargs(text: string): Parsed<Record<string, unknown>> {
  return parse(
    text,
    (value): value is Record<string, unknown> =>
      typeof value === "object" && value !== null && !Array.isArray(value),
  );
}

function parse<T>(text: string, fits: (value: unknown) => value is T): Parsed<T> {
  try {
    const value: unknown = JSON.parse(text);
    return fits(value) ? { ok: true, value } : { ok: false, why: "shape", message: "" };
  } catch (error) {
    return { ok: false, why: "json", message: error instanceof Error ? error.message : "" };
  }
}
