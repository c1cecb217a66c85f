/** Words of commands that are shown, to be copied into a terminal. Pure. */
import { shellWord } from "../lib/snippets";

const PLAIN = /^[\w@%+=:,./-]+$/;

/** One word of a POSIX shell, whatever is in the text; in quotes only where it needs them. */
export function word(text: string): string {
  return PLAIN.test(text) ? text : shellWord(text);
}
