import { Badge } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconCircleCheck, IconPlayerPause } from "@tabler/icons-react";
import type { Webhook } from "../../api/types";
import { useText } from "../../text/language";
import { stateOf, type WebhookState } from "./state";
import { words } from "./text";

const COLORS: Record<WebhookState, string> = {
  active: "teal",
  failing: "orange",
  off: "gray",
  disabled: "red",
};

const ICONS: Record<WebhookState, typeof IconBan> = {
  active: IconCircleCheck,
  failing: IconAlertTriangle,
  off: IconPlayerPause,
  disabled: IconBan,
};

/** Whether a webhook is called, in a word. */
export function WebhookBadge({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const state = stateOf(webhook);
  const Icon = ICONS[state];
  return (
    <Badge
      color={COLORS[state]}
      variant="light"
      leftSection={<Icon size={12} aria-hidden />}
      data-state={state}
    >
      {t.states[state]}
    </Badge>
  );
}
