/** Lists that are read from the n-th row on. Pure. */
import type { Sheet } from "../../components/sheet";

export const ROWS = 50;

/** The rows of the page that begins there, and one more: it tells whether there is a page behind. */
export function rangeOf(cursor: string | null): { skip: number; limit: number } {
  return { skip: Number(cursor), limit: ROWS + 1 };
}

/** The page, of what was answered. Its cursor is the number of rows before the next one. */
export function cut<Row>(found: readonly Row[], { skip }: { skip: number }): Sheet<Row> {
  const next = found.length > ROWS ? String(skip + ROWS) : null;
  return { rows: found.slice(0, ROWS), next };
}
