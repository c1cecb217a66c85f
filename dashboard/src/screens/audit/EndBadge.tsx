import { Badge } from "@mantine/core";
import type { AuditEntry } from "../../api/types";
import { useText } from "../../text/language";
import { type Ending, endingOf } from "./entry";
import { words } from "./text";

const COLORS: Record<Ending, string> = {
  done: "teal",
  refused: "orange",
  broken: "red",
  open: "gray",
};

/** How an action ended: the status that was answered, in words on hover. */
export function EndBadge({ entry }: { entry: Pick<AuditEntry, "status"> }) {
  const t = useText(words);
  const ending = endingOf(entry);
  return (
    <Badge color={COLORS[ending]} variant="light" title={t.endings[ending]} data-ending={ending}>
      {entry.status ?? t.ends.open}
    </Badge>
  );
}
