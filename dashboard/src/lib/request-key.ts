/**
 * A key for one request: the API knows by it that a request is the same one once more. Not by
 * `crypto.randomUUID`, which plain http from another machine lacks.
 */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
