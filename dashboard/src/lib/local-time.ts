/** Times of inputs, which know no zone and mean the viewer's, and those of the API. Pure. */

const INPUT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/;

/** What `<input type="datetime-local">` shows for a moment; null for text that is none. */
export function toLocal(moment: string): string | null {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return null;
  // A year that is being typed is one of the first millennium.
  const year = String(date.getFullYear()).padStart(4, "0");
  const day = [year, two(date.getMonth() + 1), two(date.getDate())].join("-");
  const time = [two(date.getHours()), two(date.getMinutes())].join(":");
  const seconds = date.getSeconds() ? `:${two(date.getSeconds())}` : "";
  return `${day}T${time}${seconds}`;
}

/** The moment that such an input means, in UTC with its offset; null for text that is none. */
export function fromLocal(text: string): string | null {
  if (!INPUT.test(text)) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
