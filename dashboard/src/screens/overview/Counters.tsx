import { Group, Paper, Skeleton, Stack, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "wouter";
import { useRefreshOn } from "../../api/queries";
import type { TaskCount } from "../../api/types";
import { StatusBadge } from "../../components/StatusBadge";
import { Failed } from "../../components/states";
import { STATUSES, tasksAddress } from "../../lib/address";
import { count } from "../../lib/format";
import { useLiveVersion } from "../../live/hooks";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { words } from "./text";

/** How many tasks are in each status; each number leads to them. */
export function Counters({ query }: { query: UseQueryResult<TaskCount> }) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  // Here and not above: what watches the live version is drawn again with each change.
  useRefreshOn(useLiveVersion(), ["count"], 2_000);
  if (query.isError && query.data === undefined) {
    return <Failed error={query.error} again={() => void query.refetch()} />;
  }
  return (
    // As many in a line as there is room for, and none of them alone in half of one.
    <Group gap="xs" align="stretch">
      {STATUSES.map((status) => (
        <Paper
          key={status}
          component={Link}
          href={tasksAddress({ status: [status] })}
          flex="1 1 136px"
          withBorder
          p="sm"
          c="inherit"
          td="none"
          title={t.tasksWith(c.statuses[status])}
          data-count={status}
        >
          <Stack gap={4}>
            <Group>
              <StatusBadge status={status} />
            </Group>
            {query.data === undefined ? (
              <Skeleton height={34} width={80} />
            ) : (
              <Text fz={24} lh="34px" fw={600} className="one-line">
                {count(query.data[status], language)}
              </Text>
            )}
          </Stack>
        </Paper>
      ))}
    </Group>
  );
}
