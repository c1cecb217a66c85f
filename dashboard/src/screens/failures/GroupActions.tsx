import { Button } from "@mantine/core";
import { api } from "../../api/client";
import { useRefresh } from "../../api/queries";
import { useCan } from "../../api/session";
import type { ErrorGroup } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { useText } from "../../text/language";
import { words } from "./text";
import { GROUPS } from "./useGroups";

interface Props {
  group: ErrorGroup;
  /** Asks whether its tasks shall run again. */
  askRetry: (group: ErrorGroup) => void;
  size?: "xs" | "compact-xs";
}

/** What can be done about a failure, for those who may. */
export function GroupActions({ group, askRetry, size = "xs" }: Props) {
  const t = useText(words);
  const can = useCan();
  const refresh = useRefresh(GROUPS);
  if (!can("tasks:write")) return null;

  async function turn(): Promise<void> {
    const options = { params: { path: { group_id: group.id } } };
    if (group.state === "open") await api.POST("/api/v1/error-groups/{group_id}/resolve", options);
    else await api.POST("/api/v1/error-groups/{group_id}/reopen", options);
    await refresh();
  }

  return (
    <>
      <ActionButton
        size={size}
        label={group.state === "open" ? t.resolve : t.reopen}
        done={group.state === "open" ? t.resolveDone : t.reopenDone}
        act={turn}
      />
      <Button size={size} variant="default" onClick={() => askRetry(group)}>
        {t.retryAll}
      </Button>
    </>
  );
}
