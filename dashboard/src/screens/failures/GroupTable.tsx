import { Group, Stack, Text } from "@mantine/core";
import { useCan } from "../../api/session";
import type { ErrorGroup } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { RowLink } from "../../components/RowLink";
import { When } from "../../components/When";
import { count } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { GroupActions } from "./GroupActions";
import { GroupMarks } from "./GroupMarks";
import { words } from "./text";

interface Props {
  groups: readonly ErrorGroup[];
  askRetry: (group: ErrorGroup) => void;
}

/** Failures, each counted once. */
export function GroupTable({ groups, askRetry }: Props) {
  const t = useText(words);
  const can = useCan();
  const { language } = useLanguage();
  const columns: Column<ErrorGroup>[] = [
    { key: "what", header: t.failure, cell: (group) => <What group={group} /> },
    {
      key: "failures",
      header: t.failures,
      width: 86,
      align: "right",
      cell: (group) => count(group.failures, language),
    },
    {
      key: "tasks",
      header: t.tasks,
      width: 86,
      align: "right",
      from: "sm",
      cell: (group) => count(group.tasks, language),
    },
    {
      key: "first",
      header: t.firstSeen,
      width: 130,
      from: "lg",
      cell: (group) => <When at={group.first_seen_at} />,
    },
    {
      key: "last",
      header: t.lastSeen,
      width: 130,
      from: "sm",
      cell: (group) => <When at={group.last_seen_at} />,
    },
  ];
  if (can("tasks:write")) {
    columns.push({
      key: "actions",
      header: t.actions,
      width: 210,
      from: "md",
      cell: (group) => (
        <Group gap={4} wrap="nowrap">
          <GroupActions group={group} askRetry={askRetry} size="compact-xs" />
        </Group>
      ),
    });
  }
  return <DataTable label={t.title} columns={columns} rows={groups} keyOf={(group) => group.id} />;
}

function What({ group }: { group: ErrorGroup }) {
  const t = useText(words);
  return (
    <Stack gap={0}>
      <Group gap="xs" wrap="nowrap">
        <RowLink text={group.type} href={`/failures/${group.id}`} fw={600} />
        <GroupMarks group={group} />
      </Group>
      <OneLine text={group.message || t.noMessage} />
      <OneLine text={group.celery_task_name} size="xs" c="dimmed" ff="monospace" />
      <Text size="xs" c="dimmed" hiddenFrom="sm">
        <When at={group.last_seen_at} />
      </Text>
    </Stack>
  );
}
