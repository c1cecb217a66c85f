/** Whether a task keeps a checkpoint, as its attempts tell it. Pure. */
import type { Starts } from "./useDetails";

/** When the kept one was written. */
export interface Kept {
  readonly attempt: number | null;
  readonly at: string | null;
}

/** The checkpoint that is kept; null without one. Attempts that were not read may have one. */
export function keptBy({ attempts, more }: Starts): Kept | null {
  const keeper = attempts.findLast(({ checkpoint_at }) => checkpoint_at !== null);
  if (keeper) return { attempt: keeper.attempt, at: keeper.checkpoint_at };
  return more ? { attempt: null, at: null } : null;
}
