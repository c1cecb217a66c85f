import { Button, Modal } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { api } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { Webhook } from "../../api/types";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { changesOf, type Draft, draftOf } from "./draft";
import { WEBHOOKS } from "./queries";
import { words } from "./text";
import { WebhookForm } from "./WebhookForm";

/** A button that changes a webhook: its URL, its events, its filter. */
export function EditWebhook({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const c = useText(common);
  const refresh = useRefresh(WEBHOOKS);
  const [open, { open: show, close }] = useDisclosure(false);
  async function save(draft: Draft) {
    const body = changesOf(draftOf(webhook), draft);
    if (body !== null) {
      const path = { webhook_id: webhook.id };
      await api.PATCH("/api/v1/webhooks/{webhook_id}", { params: { path }, body });
      await refresh();
    }
    close();
  }
  return (
    <>
      <Button size="xs" variant="default" onClick={show}>
        {c.edit}
      </Button>
      <Modal opened={open} onClose={close} title={t.editTitle} size="lg">
        <WebhookForm first={draftOf(webhook)} choosesWhose={false} submit={c.save} send={save} />
      </Modal>
    </>
  );
}
