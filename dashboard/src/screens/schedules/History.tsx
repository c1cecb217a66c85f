import { Stack, Text } from "@mantine/core";
import type { Firing } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { PagedList, usePages } from "../../components/Pages";
import { StatusBadge } from "../../components/StatusBadge";
import { TaskLink } from "../../components/TaskLink";
import { When } from "../../components/When";
import { clip, local } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { useFirings } from "./queries";
import { words } from "./text";

/** What became of a schedule's times, newest first. */
export function History({ id }: { id: string }) {
  const t = useText(words);
  const columns = useColumns();
  const pages = usePages(id);
  const query = useFirings(id, pages.cursor);
  const none = (
    <Text size="sm" c="dimmed">
      {t.noHistory}
    </Text>
  );
  return (
    <PagedList query={query} pages={pages} empty={none} lines={3}>
      {(rows) => (
        <DataTable
          label={t.history}
          columns={columns}
          rows={rows}
          keyOf={(row) => `${row.fire_at} ${row.trigger}`}
        />
      )}
    </PagedList>
  );
}

function useColumns(): Column<Firing>[] {
  const t = useText(words);
  const c = useText(common);
  return [
    {
      key: "fire_at",
      header: t.fireAt,
      width: 186,
      cell: (row) => <When at={row.fire_at} exact />,
    },
    {
      key: "trigger",
      header: t.trigger,
      width: 110,
      from: "sm",
      cell: (row) => t.triggers[row.trigger],
    },
    { key: "outcome", header: t.outcome, cell: (row) => <Outcome firing={row} /> },
    {
      key: "task",
      header: c.task,
      width: "24%",
      from: "md",
      cell: (row) => (row.task_id ? <TaskLink id={row.task_id} /> : "–"),
    },
  ];
}

/** The task's status, or why there is no task. */
function Outcome({ firing }: { firing: Firing }) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const { reason, until, detail, task_id, task_status } = firing;
  if (firing.outcome === "fired") {
    return (
      <Stack gap={2} align="flex-start">
        {task_status ? (
          <StatusBadge status={task_status} />
        ) : (
          <Text size="sm" c="dimmed">
            {t.outcomes.fired} · {c.task}: {t.taskGone}
          </Text>
        )}
        {reason && (
          <Text size="xs" c="dimmed" className="breaks">
            {t.reasons[reason]} {until && t.until(local(until, language))}
          </Text>
        )}
        {task_id && task_status && (
          <Text size="xs" component="div" hiddenFrom="md" maw="100%">
            <TaskLink id={task_id} name={c.task} />
          </Text>
        )}
      </Stack>
    );
  }
  return (
    <Stack gap={0}>
      <Text size="sm" className="breaks">
        {t.outcomes.skipped}
        {reason && ` · ${t.reasons[reason]}`}
        {until && ` ${t.until(local(until, language))}`}
      </Text>
      {detail && (
        <Text size="xs" c="dimmed" className="breaks" lineClamp={3} title={clip(detail, 2_000)}>
          {clip(detail, 2_000)}
        </Text>
      )}
    </Stack>
  );
}
