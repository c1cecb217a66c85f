import { Group, Stack, Switch, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useState } from "react";
import { useCan } from "../../api/session";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { useText } from "../../text/language";
import { MakeToken } from "./MakeToken";
import { useTokens } from "./queries";
import { TokenOnce } from "./TokenOnce";
import { TokenTable } from "./TokenTable";
import { words } from "./text";

/** One's tokens, newest first; everybody's for those who look after users. */
export function Tokens() {
  const t = useText(words);
  const can = useCan();
  const [everybody, setEverybody] = useState(false);
  const [token, setToken] = useState<string | null>(null);
  const pages = usePages(String(everybody));
  const query = useTokens(everybody, pages.cursor);
  const empty = <Empty title={t.noTokens} icon={<IconKey size={40} aria-hidden />} />;
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="sm">
        <Text size="sm" c="dimmed" className="shrinks">
          {t.tokensAbout}
        </Text>
        <Group gap="md">
          {can("users:write") && (
            <Switch
              label={t.everybody}
              checked={everybody}
              onChange={(event) => setEverybody(event.currentTarget.checked)}
            />
          )}
          <MakeToken show={setToken} />
        </Group>
      </Group>
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => <TokenTable tokens={rows} owners={everybody} show={setToken} />}
      </PagedList>
      <TokenOnce token={token} onClose={() => setToken(null)} />
    </Stack>
  );
}
