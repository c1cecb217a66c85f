import { Switch } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, bodyOf } from "../../api/client";
import { useRefresh } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Webhook } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { ConfirmButton } from "../../components/ConfirmButton";
import { sayError } from "../../components/say";
import { clip } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { EditWebhook } from "./EditWebhook";
import { WEBHOOK_LIST, WEBHOOKS } from "./queries";
import { words } from "./text";

interface Props {
  webhook: Webhook;
  /** Shows the new secret, once. */
  showSecret: (secret: string) => void;
}

/** What can be done with a webhook; nothing for those who may only look. */
export function WebhookActions({ webhook, showSecret }: Props) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const refresh = useRefresh(WEBHOOKS);
  const refreshList = useRefresh(WEBHOOK_LIST);
  const [, go] = useLocation();
  const path = { webhook_id: webhook.id };

  async function test() {
    await api.POST("/api/v1/webhooks/{webhook_id}/test", { params: { path } });
    await refresh();
  }
  async function rotate() {
    const url = "/api/v1/webhooks/{webhook_id}/rotate-secret";
    showSecret(bodyOf(await api.POST(url, { params: { path } })).secret);
    void refresh();
  }
  async function remove() {
    await api.DELETE("/api/v1/webhooks/{webhook_id}", { params: { path } });
    go("/webhooks");
    void refreshList();
  }

  if (!can("tasks:write")) return null;
  return (
    <>
      {can("tasks:read") && <ActiveSwitch webhook={webhook} />}
      {can("tasks:read") && <EditWebhook webhook={webhook} />}
      <ActionButton label={t.test} done={t.testSent} act={test} disabled={!webhook.active} />
      <ConfirmButton
        label={t.rotate}
        title={t.rotateTitle}
        question={t.rotateQuestion}
        act={rotate}
      />
      <ConfirmButton
        label={c.delete}
        title={t.deleteTitle}
        question={t.deleteQuestion(clip(webhook.url, 300))}
        act={remove}
        color="red"
      />
    </>
  );
}

function ActiveSwitch({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const refresh = useRefresh(WEBHOOKS);
  const [busy, setBusy] = useState(false);
  async function set(active: boolean) {
    setBusy(true);
    try {
      await api.PATCH("/api/v1/webhooks/{webhook_id}", {
        params: { path: { webhook_id: webhook.id } },
        body: { active },
      });
      await refresh();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Switch
      label={t.active}
      checked={webhook.active}
      disabled={busy}
      onChange={(event) => void set(event.currentTarget.checked)}
    />
  );
}
