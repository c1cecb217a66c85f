import { Stack, Title } from "@mantine/core";
import { LongText } from "../../components/LongText";
import { ShownOnce } from "../../components/ShownOnce";
import { useText } from "../../text/language";
import { words } from "./text";
import { commandsFor } from "./tokens";

/** A token that was just made, or that takes the place of another. */
export function TokenOnce({ token, onClose }: { token: string | null; onClose: () => void }) {
  const t = useText(words);
  return (
    <ShownOnce
      title={t.tokenMade}
      value={token}
      warning={t.tokenWarning}
      copy={t.copyToken}
      kept={t.kept}
      onClose={onClose}
    >
      <Stack gap={4}>
        <Title order={3} size="h6">
          {t.commands}
        </Title>
        <LongText text={commandsFor(token ?? "", location.origin)} label={t.commands} />
      </Stack>
    </ShownOnce>
  );
}
