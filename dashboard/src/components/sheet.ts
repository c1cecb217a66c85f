/** Lists that come page by page. */
import { bodyOf, nextCursor } from "../api/client";

/** One page of a list, and the cursor of the page behind it; null on the last one. */
export interface Sheet<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** The page that the API has answered with. */
export function sheetOf<Row>(answer: { data?: Row[]; response: Response }): Sheet<Row> {
  return { rows: bodyOf(answer), next: nextCursor(answer.response) };
}
