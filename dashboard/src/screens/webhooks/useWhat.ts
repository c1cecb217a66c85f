import type { Webhook } from "../../api/types";
import { useText } from "../../text/language";
import { CONDITIONS } from "./draft";
import { words } from "./text";

/** In words, when a webhook is called: at which ends, of which tasks. */
export function useWhat() {
  const t = useText(words);
  return {
    events: (webhook: Webhook): string =>
      webhook.events.map((event) => t.eventNames[event]).join(t.comma),
    filter: (webhook: Webhook): string => {
      const given = CONDITIONS.flatMap((name) => {
        const value = webhook.filter[name];
        return value === undefined ? [] : [`${t.conditions[name]}: ${value}`];
      });
      return given.join(t.comma) || t.everyTask;
    },
  };
}
