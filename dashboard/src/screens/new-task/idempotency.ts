/** Keys by which the API knows that a request is the same one once more. Pure, but for chance. */

/**
 * Gives a key for a body, the same one while the body is the same: a lost answer may be asked for
 * again and makes no second task. Another body is another request.
 */
export class KeyKeeper {
  #text = "";
  #key = "";

  keyFor(body: unknown): string {
    const text = JSON.stringify(body);
    if (text !== this.#text) {
      this.#text = text;
      this.#key = randomKey();
    }
    return this.#key;
  }
}

/** Not `crypto.randomUUID`, which plain http from another machine lacks. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
