import { Stack } from "@mantine/core";
import { useState } from "react";
import { Problem } from "../../api/client";
import type { Webhook } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { Facts } from "../../components/Facts";
import { Page } from "../../components/Page";
import { Answer, Failed } from "../../components/states";
import { UserName } from "../../components/UserName";
import { When } from "../../components/When";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { Deliveries } from "./Deliveries";
import { useWebhook } from "./queries";
import { SecretOnce } from "./SecretOnce";
import { words } from "./text";
import { useWhat } from "./useWhat";
import { WebhookActions } from "./WebhookActions";
import { WebhookBadge } from "./WebhookBadge";
import { WebhookNotices } from "./WebhookNotices";

/** One webhook: what it calls, how that goes, and everything that was sent. */
export default function WebhookScreen({ id }: ScreenProps) {
  const t = useText(words);
  const query = useWebhook(id);
  const [secret, setSecret] = useState<string | null>(null);
  const gone = query.error instanceof Problem && query.error.status === 404;
  const webhook = gone ? undefined : query.data;
  return (
    <Page
      title={t.one}
      about={webhook?.url}
      actions={webhook && <WebhookActions webhook={webhook} showSecret={setSecret} />}
    >
      {gone ? (
        <Failed error={query.error} />
      ) : (
        <Answer query={query}>
          {(found) => (
            <Stack gap="md">
              <WebhookNotices webhook={found} />
              <WebhookFacts webhook={found} />
              <Deliveries webhook={found} />
            </Stack>
          )}
        </Answer>
      )}
      <SecretOnce secret={secret} onClose={() => setSecret(null)} />
    </Page>
  );
}

function WebhookFacts({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const c = useText(common);
  const what = useWhat();
  return (
    <Facts
      facts={[
        [c.status, <WebhookBadge key="state" webhook={webhook} />],
        [t.events, what.events(webhook)],
        [t.filter, what.filter(webhook)],
        [t.whose, t.scopes[webhook.scope]],
        [c.owner, <UserName key="owner" id={webhook.user_id} />],
        [c.created, <When key="created" at={webhook.created_at} />],
        [t.changed, <When key="changed" at={webhook.updated_at} />],
        [
          t.id,
          <span key="id">
            {webhook.id} <CopyButton value={webhook.id} />
          </span>,
        ],
      ]}
    />
  );
}
