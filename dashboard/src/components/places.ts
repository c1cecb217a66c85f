/** What the API refuses, at the fields of a form that it names. Pure. */
import { Problem } from "../api/client";

/**
 * What is wrong, by field; null where that is not all that the API says.
 *
 * `meant` has the fields of refusals that name none, by their codes.
 */
export function saidAt(
  error: unknown,
  fields: readonly string[],
  meant: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> | null {
  if (!(error instanceof Problem)) return null;
  const said: Record<string, string> = {};
  const field = meant[error.code];
  if (field !== undefined) said[field] = error.message;
  for (const { loc, msg } of error.places) {
    const named = fields.find((each) => loc.includes(each));
    if (named === undefined) return null;
    said[named] = msg;
  }
  return Object.keys(said).length > 0 ? said : null;
}
