import type { ButtonProps } from "@mantine/core";
import { api } from "../../api/client";
import { useRefresh } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Webhook } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { useText } from "../../text/language";
import { WEBHOOKS } from "./queries";
import { words } from "./text";

interface Props {
  webhook: Webhook;
  /** Of the delivery. */
  id: string;
  size: ButtonProps["size"];
}

/** A button that has a delivery sent again; nothing for those who may not. */
export function Replay({ webhook, id, size }: Props) {
  const t = useText(words);
  const can = useCan();
  const refresh = useRefresh(WEBHOOKS);
  async function replay() {
    await api.POST("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", {
      params: { path: { webhook_id: webhook.id, delivery_id: id } },
    });
    await refresh();
  }
  if (!can("tasks:write")) return null;
  return (
    <ActionButton
      label={t.replay}
      done={t.replayed}
      act={replay}
      size={size}
      disabled={!webhook.active}
    />
  );
}
