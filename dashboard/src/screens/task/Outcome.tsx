import type { TaskStatus } from "../../api/types";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { reasonName } from "./reasons";

/** How an attempt or a task ended: a status, or the reason for which another attempt followed. */
export function Outcome({ outcome, reason = null }: { outcome: string; reason?: string | null }) {
  const { statuses } = useText(common);
  const { language } = useLanguage();
  const name = Object.hasOwn(statuses, outcome)
    ? statuses[outcome as TaskStatus]
    : reasonName(outcome, language);
  return (
    <span data-outcome={outcome}>
      {name}
      {reason && ` (${reasonName(reason, language)})`}
    </span>
  );
}
