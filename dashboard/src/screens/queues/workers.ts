/** Workers: their order, their slots, and what they say together. Pure. */
import type { Worker } from "../../api/types";

/** So many slots are drawn one by one. */
export const MOST_SQUARES = 64;

/** Busy slots. In the burst lane a slot works on many tasks, so there may be more of them. */
export function busySlots({ running, slots }: Worker): number {
  return Math.min(running.length, slots);
}

/** Each slot, true where it is busy; null where there are too many to draw. */
export function squaresOf(worker: Worker): readonly boolean[] | null {
  if (worker.slots > MOST_SQUARES) return null;
  const busy = busySlots(worker);
  return Array.from({ length: worker.slots }, (_, slot) => slot < busy);
}

/** The live ones first, those that stop behind the others, then by name. */
export function inOrder(workers: readonly Worker[]): readonly Worker[] {
  const rank = ({ live, stopping }: Worker) => (live ? 0 : 2) + (stopping ? 1 : 0);
  return workers.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

export interface Totals {
  readonly live: number;
  readonly slots: number;
  readonly busy: number;
}

/** What the live ones have together. */
export function totalsOf(workers: readonly Worker[]): Totals {
  const live = workers.filter((worker) => worker.live);
  return {
    live: live.length,
    slots: live.reduce((sum, worker) => sum + worker.slots, 0),
    busy: live.reduce((sum, worker) => sum + busySlots(worker), 0),
  };
}
