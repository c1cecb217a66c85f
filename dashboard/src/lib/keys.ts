/** Keyboard commands of one key or of two, one after the other. Pure. */

/** How long the first of two keys waits for the second. */
export const PATIENCE_MS = 1_000;

export interface Stroke {
  readonly key: string;
  /** Milliseconds, of any clock. */
  readonly at: number;
}

/**
 * What a key means after another: the command that is complete now, and what is kept for the next key.
 *
 * `known` are commands such as `"n"` and `"g t"`.
 */
export function press(
  known: readonly string[],
  before: Stroke | null,
  now: Stroke,
): { command: string | null; kept: Stroke | null } {
  const fresh = before !== null && now.at - before.at <= PATIENCE_MS;
  const both = fresh ? `${before.key} ${now.key}` : "";
  if (known.includes(both)) return { command: both, kept: null };
  if (known.some((command) => command.startsWith(`${now.key} `)))
    return { command: null, kept: now };
  return { command: known.includes(now.key) ? now.key : null, kept: null };
}

/** Whether a key belongs to what is being typed, and is no command. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio|button)$/.test(target.type);
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
}
