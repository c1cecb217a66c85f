import { Button, Modal, Stack, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, bodyOf } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { TokenCreate } from "../../api/types";
import { LongText } from "../../components/LongText";
import { ShownOnce } from "../../components/ShownOnce";
import { useText } from "../../text/language";
import { TOKENS } from "./queries";
import { TokenForm } from "./TokenForm";
import { words } from "./text";
import { commandsFor } from "./tokens";

/** A button that makes a token, and shows it. */
export function MakeToken() {
  const t = useText(words);
  const refresh = useRefresh(TOKENS);
  const [open, { open: show, close }] = useDisclosure(false);
  const [token, setToken] = useState<string | null>(null);
  async function make(body: TokenCreate) {
    const made = bodyOf(await api.POST("/api/v1/tokens", { body }));
    close();
    setToken(made.token);
    void refresh();
  }
  return (
    <>
      <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={show}>
        {t.newToken}
      </Button>
      <Modal opened={open} onClose={close} title={t.newToken} size="lg">
        <TokenForm send={make} />
      </Modal>
      <ShownOnce
        title={t.tokenMade}
        value={token}
        warning={t.tokenWarning}
        copy={t.copyToken}
        kept={t.kept}
        onClose={() => setToken(null)}
      >
        <Stack gap={4}>
          <Title order={3} size="h6">
            {t.commands}
          </Title>
          <LongText text={commandsFor(token ?? "", location.origin)} label={t.commands} />
        </Stack>
      </ShownOnce>
    </>
  );
}
