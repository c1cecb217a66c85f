import type { Schedule } from "../../api/types";
import { local } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { words } from "./text";

/** Says when a schedule fires; a single time in the viewer's zone. */
export function useSentence(): (schedule: Schedule) => string {
  const t = useText(words);
  const { language } = useLanguage();
  return ({ at, description }) => (at ? t.onceAt(local(at, language)) : description[language]);
}
