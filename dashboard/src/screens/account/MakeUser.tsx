import { Button, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "../../api/client";
import { USERS, useRefresh } from "../../api/queries";
import { LongText } from "../../components/LongText";
import { useText } from "../../text/language";
import { words } from "./text";
import { UserForm } from "./UserForm";
import { signInCommand, type UserDraft, userOrder } from "./users";

/** A button that makes a user, and says how that user signs in. */
export function MakeUser() {
  const t = useText(words);
  const refresh = useRefresh(USERS);
  const [open, { open: show, close }] = useDisclosure(false);
  const [made, setMade] = useState<string | null>(null);
  async function make(draft: UserDraft) {
    const order = userOrder(draft);
    await api.POST("/api/v1/users", { body: order });
    close();
    setMade(order.email);
    void refresh();
  }
  return (
    <>
      <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={show}>
        {t.newUser}
      </Button>
      <Modal opened={open} onClose={close} title={t.newUser}>
        <UserForm send={make} />
      </Modal>
      <Modal opened={made !== null} onClose={() => setMade(null)} title={t.userMade} size="lg">
        <Stack gap="sm">
          <Text size="sm" className="breaks">
            {t.signsIn(made ?? "")}
          </Text>
          <LongText text={signInCommand(made ?? "")} label={t.command} />
        </Stack>
      </Modal>
    </>
  );
}
