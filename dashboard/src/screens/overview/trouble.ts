/** Which queues need somebody. Pure. */
import type { Queue } from "../../api/types";

/** A ready task that has waited longer than this is pointed out. */
export const LONG_WAIT_SECONDS = 300;

/**
 * `unserved`: tasks wait, and no worker would take them. `paused`: they are held back by somebody.
 * `slow`: one has waited long.
 */
export type Trouble = "unserved" | "paused" | "slow";

/** What is wrong with a queue; null if nothing is. A pause explains everything else. */
export function troubleOf(queue: Queue): Trouble | null {
  if (queue.paused) return "paused";
  if (queue.depth === 0) return null;
  if (queue.workers === 0) return "unserved";
  return (queue.oldest_wait_seconds ?? 0) >= LONG_WAIT_SECONDS ? "slow" : null;
}

const ORDER: readonly (Trouble | null)[] = ["unserved", "slow", "paused", null];

/** Those that need somebody first, then by name, so that lines keep their places. */
export function worstFirst(queues: readonly Queue[]): Queue[] {
  const rank = (queue: Queue) => ORDER.indexOf(troubleOf(queue));
  return [...queues].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}
