import { type RefObject, useState } from "react";
import { useKeys } from "../../layout/useKeys";

/**
 * The row that the keyboard is at: j and k move it, x selects it; the row's id is answered.
 *
 * The focus goes with it to the row's link, which Enter opens and a screen reader reads.
 */
export function useMarker(
  ids: readonly string[],
  table: RefObject<HTMLElement | null>,
  toggle: (id: string) => void,
): string | null {
  const [kept, keep] = useState<string | null>(null);
  const marked = kept !== null && ids.includes(kept) ? kept : null;

  function move(step: 1 | -1) {
    const at = marked === null ? -1 : ids.indexOf(marked);
    const next = ids[at === -1 && step === -1 ? ids.length - 1 : Math.max(0, at + step)];
    if (next === undefined) return;
    keep(next);
    table.current?.querySelector<HTMLElement>(`a[href$="/tasks/${next}"]`)?.focus();
  }

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => marked !== null && toggle(marked),
  });
  return marked;
}
