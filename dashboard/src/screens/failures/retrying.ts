/** Running the failed tasks of a group again, request after request. Pure: `ask` is handed in. */
import type { ErrorGroupRetry } from "../../api/types";

/** What has become of it so far. */
export interface Retried {
  /** New tasks. */
  readonly started: number;
  readonly refused: ErrorGroupRetry["refused"];
  /** Still failed, neither run again nor refused. */
  readonly left: number;
}

export const NOTHING: Retried = { started: 0, refused: [], left: 0 };

/**
 * Ask until nothing is left but what is refused, and tell after each answer.
 *
 * Tasks that fail again at once are left as well. So no more are started than there were at
 * first, or it would never end; and an answer that started none is the last one.
 */
export async function retryAll(
  ask: () => Promise<ErrorGroupRetry>,
  tell: (soFar: Retried) => void,
  isStopped: () => boolean,
): Promise<Retried> {
  let soFar = NOTHING;
  let most: number | undefined;
  for (;;) {
    const answer = await ask();
    most ??= answer.ids.length + answer.left;
    soFar = plus(soFar, answer);
    tell(soFar);
    const over = answer.ids.length === 0 || soFar.left === 0 || soFar.started >= most;
    if (over || isStopped()) return soFar;
  }
}

function plus(soFar: Retried, answer: ErrorGroupRetry): Retried {
  // Each request looks at the newest first, and so again at those that were refused before.
  const all = [...soFar.refused, ...answer.refused];
  const refused = new Map(all.map((each) => [each.task_id, each]));
  return {
    started: soFar.started + answer.ids.length,
    refused: [...refused.values()],
    left: Math.max(0, answer.left - answer.refused.length),
  };
}

/** How much of it is done, in percent. */
export function percentDone({ started, refused, left }: Retried): number {
  const done = started + refused.length;
  return done + left === 0 ? 0 : (100 * done) / (done + left);
}
