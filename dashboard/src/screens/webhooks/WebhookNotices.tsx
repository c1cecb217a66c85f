import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconKey } from "@tabler/icons-react";
import type { Webhook } from "../../api/types";
import { useNow, When } from "../../components/When";
import { useText } from "../../text/language";
import { oldSecretHolds, stateOf } from "./state";
import { words } from "./text";

/** What to know at a glance: it is switched off, it fails, two secrets hold. */
export function WebhookNotices({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const state = stateOf(webhook);
  return (
    <>
      {state === "disabled" && (
        <Alert color="red" variant="light" icon={<IconBan />} title={t.disabled}>
          <Text size="sm" className="breaks">
            {webhook.disabled_reason}
          </Text>
          <Text size="sm">{t.disabledCure}</Text>
        </Alert>
      )}
      {webhook.failing_since !== null && state !== "off" && (
        <Alert color="orange" variant="light" icon={<IconAlertTriangle />} title={t.failing}>
          {t.failingSince} <When at={webhook.failing_since} exact />
        </Alert>
      )}
      <OldSecret webhook={webhook} />
    </>
  );
}

function OldSecret({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const now = useNow();
  if (!oldSecretHolds(webhook, now)) return null;
  return (
    <Alert color="blue" variant="light" icon={<IconKey />} title={t.oldSecret}>
      {t.oldSecretUntil} <When at={webhook.previous_until} exact />
    </Alert>
  );
}
