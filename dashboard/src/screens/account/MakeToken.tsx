import { Button, Modal } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { api, bodyOf } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { TokenCreate } from "../../api/types";
import { useText } from "../../text/language";
import { TOKENS } from "./queries";
import { TokenForm } from "./TokenForm";
import { words } from "./text";

/** A button that makes a token. `show` is given it, once. */
export function MakeToken({ show }: { show: (token: string) => void }) {
  const t = useText(words);
  const refresh = useRefresh(TOKENS);
  const [opened, { open, close }] = useDisclosure(false);
  async function make(body: TokenCreate) {
    const made = bodyOf(await api.POST("/api/v1/tokens", { body }));
    close();
    show(made.token);
    void refresh();
  }
  return (
    <>
      <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={open}>
        {t.newToken}
      </Button>
      <Modal opened={opened} onClose={close} title={t.newToken} size="lg">
        <TokenForm send={make} />
      </Modal>
    </>
  );
}
