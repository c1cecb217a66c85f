import { Badge, Stack, Text } from "@mantine/core";
import { useCan } from "../../api/session";
import type { Schedule } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { RowLink } from "../../components/RowLink";
import { When } from "../../components/When";
import { shortName } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { RowActions } from "./RowActions";
import { words } from "./text";
import { useSentence } from "./useSentence";

/** Schedules, one a row. */
export function ScheduleTable({ rows }: { rows: readonly Schedule[] }) {
  const t = useText(words);
  const columns = useColumns();
  return <DataTable label={t.title} columns={columns} rows={rows} keyOf={(row) => row.id} />;
}

function useColumns(): Column<Schedule>[] {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const columns: Column<Schedule>[] = [
    { key: "name", header: c.name, cell: (row) => <NameAndSentence schedule={row} /> },
    { key: "next", header: t.next, width: 112, cell: (row) => <NextFire schedule={row} /> },
    {
      key: "last",
      header: t.last,
      width: 120,
      from: "md",
      cell: (row) => <When at={row.last_fire_at} />,
    },
    {
      key: "function",
      header: c.function,
      width: "20%",
      from: "lg",
      cell: ({ celery_task_name: name }) => <OneLine text={shortName(name)} title={name} />,
    },
    {
      key: "source",
      header: t.source,
      width: 110,
      from: "md",
      cell: (row) => t.sources[row.source],
    },
  ];
  if (!can("tasks:write")) return columns;
  const actions: Column<Schedule> = {
    key: "actions",
    header: t.actions,
    width: 84,
    align: "right",
    cell: (row) => <RowActions schedule={row} />,
  };
  return [...columns, actions];
}

function NameAndSentence({ schedule }: { schedule: Schedule }) {
  const sentence = useSentence();
  return (
    <Stack gap={0}>
      <RowLink text={schedule.name} href={`/schedules/${schedule.id}`} />
      <Text size="xs" c="dimmed" className="breaks" lineClamp={2}>
        {sentence(schedule)}
      </Text>
    </Stack>
  );
}

/** When it fires next, or why it does not. */
function NextFire({ schedule }: { schedule: Schedule }) {
  const t = useText(words);
  if (schedule.paused) {
    return (
      <Badge color="yellow" variant="light" data-paused>
        {t.paused}
      </Badge>
    );
  }
  if (schedule.next_fire_at === null) {
    return (
      <Text size="sm" c="dimmed">
        {t.over}
      </Text>
    );
  }
  return <When at={schedule.next_fire_at} />;
}
