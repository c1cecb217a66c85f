/** The cells of a limit's row. */
import { Badge, Group, Stack, Text } from "@mantine/core";
import type { Limit } from "../../api/types";
import { OneLine } from "../../components/OneLine";
import { When } from "../../components/When";
import { count } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { isReached } from "./limits";
import { words } from "./text";

/** Both lines are always there, so that a limit that is reached moves nothing. */
export function Name({ limit }: { limit: Limit }) {
  const t = useText(words);
  return (
    <Stack gap={0}>
      <OneLine text={limit.name} ff="monospace" />
      <Group gap={6} wrap="nowrap" h={22}>
        <OneLine text={t.kinds[limit.kind]} size="xs" c="dimmed" />
        {limit.rate && (
          <Text size="xs" ff="monospace" flex="none" hiddenFrom="sm">
            {limit.rate}
          </Text>
        )}
        {isReached(limit) && (
          <Badge flex="none" size="sm" color="orange" variant="light" title={t.reachedHelp}>
            {t.reached}
          </Badge>
        )}
      </Group>
    </Stack>
  );
}

/** How many run at a time, and how many may. */
export function Used({ limit }: { limit: Limit }) {
  const t = useText(words);
  const { language } = useLanguage();
  const used = count(limit.used, language);
  const isShared = limit.kind === "key" && limit.name.endsWith("*");
  if (limit.concurrency === null) return <Two first="–" second={t.inUse(used)} />;
  const allowed = count(limit.concurrency, language);
  return (
    <Two
      first={isShared ? t.each(allowed) : allowed}
      second={isShared ? t.inAll(used) : t.inUse(used)}
    />
  );
}

/** The rate, and how many it has let out lately. */
export function HandedOut({ limit }: { limit: Limit }) {
  const t = useText(words);
  const { language } = useLanguage();
  if (limit.rate === null) return "–";
  return <Two first={limit.rate} second={t.lately(count(limit.handed_out, language))} />;
}

function Two({ first, second }: { first: string; second: string }) {
  return (
    <Stack gap={0}>
      <OneLine text={first} ff="monospace" />
      <OneLine text={second} size="xs" c="dimmed" />
    </Stack>
  );
}

/** By whom it was changed, and when. */
export function Changed({ limit }: { limit: Limit }) {
  const t = useText(words);
  return (
    <Stack gap={0}>
      <OneLine text={limit.updated_by ?? t.byCode} />
      <Text size="xs" c="dimmed">
        <When at={limit.updated_at} />
      </Text>
    </Stack>
  );
}
