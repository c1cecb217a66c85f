import { Text } from "@mantine/core";
import { useMemo } from "react";
import type { Task } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { TaskLink } from "../../components/TaskLink";
import { TaskProgress } from "../../components/TaskProgress";
import { When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { count } from "../../lib/format";
import { useLiveTasks } from "../../live/hooks";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { runningOf } from "./running";
import { Section } from "./Section";
import { words } from "./text";

const SHOWN = 10;

/** Tasks that run now, with their progress. It stands last, since it grows and shrinks. */
export function RunningNow({ total }: { total: number }) {
  const t = useText(words);
  const { language } = useLanguage();
  const tasks = useLiveTasks();
  const running = useMemo(() => runningOf(tasks.values()).slice(0, SHOWN), [tasks]);
  const columns = useColumns();
  const href = tasksAddress({ status: ["running"] });
  return (
    <Section title={t.now} more={{ href, label: t.allRunning(count(total, language)) }}>
      {running.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.nothingRuns}
        </Text>
      ) : (
        <DataTable label={t.now} columns={columns} rows={running} keyOf={(task) => task.id} />
      )}
    </Section>
  );
}

function useColumns(): Column<Task>[] {
  const c = useText(common);
  return [
    {
      key: "task",
      header: c.task,
      cell: (task) => <TaskLink id={task.id} name={task.name} />,
    },
    {
      key: "progress",
      header: c.progress,
      width: 150,
      cell: (task) => <TaskProgress task={task} />,
    },
    {
      key: "worker",
      header: c.worker,
      width: 180,
      from: "md",
      cell: ({ worker }) => <OneLine text={worker ?? "–"} />,
    },
    {
      key: "started",
      header: c.started,
      width: 112,
      align: "right",
      from: "sm",
      cell: (task) => <When at={task.started_at} />,
    },
  ];
}
