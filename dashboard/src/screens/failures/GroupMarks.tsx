import { Badge } from "@mantine/core";
import { IconCheck, IconRepeat } from "@tabler/icons-react";
import type { ErrorGroup } from "../../api/types";
import { useText } from "../../text/language";
import { words } from "./text";

/** What is special about a group: it came back, or it is dealt with. */
export function GroupMarks({ group }: { group: ErrorGroup }) {
  const t = useText(words);
  return (
    <>
      {group.regressed && (
        <Badge
          flex="none"
          color="orange"
          variant="light"
          leftSection={<IconRepeat size={12} aria-hidden />}
          title={t.regressedHelp}
        >
          {t.regressed}
        </Badge>
      )}
      {group.state === "resolved" && (
        <Badge
          flex="none"
          color="teal"
          variant="light"
          leftSection={<IconCheck size={12} aria-hidden />}
        >
          {t.resolved}
        </Badge>
      )}
    </>
  );
}
