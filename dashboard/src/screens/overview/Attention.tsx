import { Badge, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import type { ErrorGroup, Task } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { RowLink } from "../../components/RowLink";
import { Answer } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { useNow, When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { count, duration, shortName } from "../../lib/format";
import { useNewest } from "../../live/hooks";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { MOST_LOOKED_AT, useLongestWaits, useOpenFailures, type Waits } from "./queries";
import { Section } from "./Section";
import { words } from "./text";
import { dueAt } from "./waiting";

/** Five lines of two rows each, their heading and that of the section. */
const HEIGHT = 374;

/** What somebody should look at: what fails, and what has waited longest. */
export function Attention() {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
      <OpenFailures />
      <LongestWaits />
    </SimpleGrid>
  );
}

function OpenFailures() {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const query = useOpenFailures();
  const columns: Column<ErrorGroup>[] = [
    { key: "error", header: c.error, cell: (group) => <FailureLink group={group} /> },
    {
      key: "tasks",
      header: t.tasks,
      width: 76,
      align: "right",
      from: "sm",
      cell: (group) => count(group.tasks, language),
    },
    {
      key: "seen",
      header: t.seen,
      width: 112,
      align: "right",
      cell: (group) => <When at={group.last_seen_at} />,
    },
  ];
  return (
    <Section title={t.failures} more={{ href: "/failures", label: t.allFailures }} height={HEIGHT}>
      <Answer query={query}>
        {(groups) =>
          groups.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.noFailures}
            </Text>
          ) : (
            <DataTable
              label={t.failures}
              columns={columns}
              rows={groups}
              keyOf={(group) => group.id}
            />
          )
        }
      </Answer>
    </Section>
  );
}

function FailureLink({ group }: { group: ErrorGroup }) {
  const t = useText(words);
  return (
    <Stack gap={0}>
      <Group gap={6} wrap="nowrap">
        <RowLink
          text={group.message ? `${group.type}: ${group.message}` : group.type}
          href={`/failures/${group.id}`}
        />
        {group.regressed && (
          <Badge size="xs" color="orange" variant="light" flex="none">
            {t.regressed}
          </Badge>
        )}
      </Group>
      <OneLine
        size="xs"
        c="dimmed"
        text={shortName(group.celery_task_name)}
        title={group.celery_task_name}
      />
    </Stack>
  );
}

function LongestWaits() {
  const t = useText(words);
  const query = useLongestWaits();
  return (
    <Section
      title={t.waiting}
      more={{ href: tasksAddress({ status: ["pending"] }), label: t.allWaiting }}
      height={HEIGHT}
    >
      <Answer query={query}>{(waits) => <WaitTable waits={waits} />}</Answer>
    </Section>
  );
}

function WaitTable({ waits: { tasks, more } }: { waits: Waits }) {
  const t = useText(words);
  const { language } = useLanguage();
  const columns = useWaitColumns();
  // One that has been started since it was asked for does not wait any more.
  const waiting = useNewest(tasks).filter((task) => task.status === "pending");
  if (waiting.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {more ? t.noneDueAmong(count(MOST_LOOKED_AT, language)) : t.noneDue}
      </Text>
    );
  }
  return (
    <>
      <DataTable label={t.waiting} columns={columns} rows={waiting} keyOf={(task) => task.id} />
      <Text size="xs" c="dimmed">
        {t.why}
      </Text>
    </>
  );
}

function useWaitColumns(): Column<Task>[] {
  const c = useText(common);
  return [
    {
      key: "task",
      header: c.task,
      cell: (task) => (
        <Stack gap={0}>
          <TaskLink id={task.id} name={task.name} />
          <OneLine size="xs" c="dimmed" text={task.queue} />
        </Stack>
      ),
    },
    {
      key: "created",
      header: c.created,
      width: 112,
      align: "right",
      from: "sm",
      cell: (task) => <When at={task.created_at} />,
    },
    {
      key: "wait",
      header: c.wait,
      width: 112,
      align: "right",
      cell: (task) => <Wait task={task} />,
    },
  ];
}

/** Since the task was due. */
function Wait({ task }: { task: Task }) {
  const seconds = Math.floor((useNow() - dueAt(task)) / 1000);
  return <span>{seconds >= 0 ? duration(seconds) : "–"}</span>;
}
