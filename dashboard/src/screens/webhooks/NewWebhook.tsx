import { Button, Modal } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, bodyOf } from "../../api/client";
import { useRefresh } from "../../api/queries";
import { useSession } from "../../api/session";
import { useText } from "../../text/language";
import { type Draft, EMPTY, orderOf } from "./draft";
import { WEBHOOKS } from "./queries";
import { SecretOnce } from "./SecretOnce";
import { words } from "./text";
import { WebhookForm } from "./WebhookForm";

/** A button that makes a webhook, and shows its secret. */
export function NewWebhook() {
  const t = useText(words);
  const { role } = useSession();
  const refresh = useRefresh(WEBHOOKS);
  const [open, { open: show, close }] = useDisclosure(false);
  const [secret, setSecret] = useState<string | null>(null);
  async function make(draft: Draft) {
    const made = bodyOf(await api.POST("/api/v1/webhooks/", { body: orderOf(draft) }));
    close();
    setSecret(made.secret);
    void refresh();
  }
  return (
    <>
      <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={show}>
        {t.create}
      </Button>
      <Modal opened={open} onClose={close} title={t.create} size="lg">
        <WebhookForm first={EMPTY} choosesWhose={role !== "user"} submit={t.make} send={make} />
      </Modal>
      <SecretOnce secret={secret} onClose={() => setSecret(null)} />
    </>
  );
}
