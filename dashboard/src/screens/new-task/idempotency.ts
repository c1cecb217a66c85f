import { newKey } from "../../lib/request-key";

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
      this.#key = newKey();
    }
    return this.#key;
  }
}
