import { Anchor, Badge, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { Link } from "wouter";
import type { ErrorGroup, Task } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { Answer } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { useNow, When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { clip, count, shortName } from "../../lib/format";
import { useNewest } from "../../live/hooks";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { useLongestWaiting, useOpenFailures } from "./queries";
import { Section } from "./Section";
import { words } from "./text";

/** Five lines of two rows each, their heading and that of the section. */
const HEIGHT = 374;

/** What somebody should look at: what fails, and what has waited longest. */
export function Attention() {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
      <OpenFailures />
      <LongestWaiting />
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
            <Text c="dimmed">{t.noFailures}</Text>
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
        <Anchor
          component={Link}
          href={`/failures/${group.id}`}
          className="one-line"
          title={clip(group.message, 300)}
        >
          {clip(group.type, 100)}
          {group.message && `: ${clip(group.message, 200)}`}
        </Anchor>
        {group.regressed && (
          <Badge size="xs" color="orange" variant="light" flex="none">
            {t.regressed}
          </Badge>
        )}
      </Group>
      <Text size="xs" c="dimmed" className="one-line" title={group.celery_task_name}>
        {shortName(group.celery_task_name)}
      </Text>
    </Stack>
  );
}

function LongestWaiting() {
  const t = useText(words);
  const c = useText(common);
  const query = useLongestWaiting();
  const columns: Column<Task>[] = [
    {
      key: "task",
      header: c.task,
      cell: (task) => (
        <Stack gap={0}>
          <TaskLink id={task.id} name={task.name} />
          <Text size="xs" c="dimmed" className="one-line">
            {clip(task.queue, 100)}
          </Text>
        </Stack>
      ),
    },
    {
      key: "due",
      header: t.scheduledFor,
      width: 112,
      align: "right",
      from: "sm",
      cell: (task) => <Due at={task.scheduled_at} />,
    },
    {
      key: "created",
      header: c.created,
      width: 112,
      align: "right",
      cell: (task) => <When at={task.created_at} />,
    },
  ];
  return (
    <Section
      title={t.waiting}
      more={{ href: tasksAddress({ status: ["pending"] }), label: t.allWaiting }}
      height={HEIGHT}
    >
      <Answer query={query}>
        {(tasks) => <Waiting tasks={tasks} columns={columns} label={t.waiting} />}
      </Answer>
    </Section>
  );
}

interface WaitingProps {
  tasks: readonly Task[];
  columns: readonly Column<Task>[];
  label: string;
}

function Waiting({ tasks, columns, label }: WaitingProps) {
  const t = useText(words);
  // One that has been started since it was asked for does not wait any more.
  const waiting = useNewest(tasks).filter((task) => task.status === "pending");
  if (waiting.length === 0) return <Text c="dimmed">{t.noWaiting}</Text>;
  return (
    <>
      <DataTable label={label} columns={columns} rows={waiting} keyOf={(task) => task.id} />
      <Text size="xs" c="dimmed">
        {t.why}
      </Text>
    </>
  );
}

/** When a task's time comes, if it has not come yet: then it is no wonder that it waits. */
function Due({ at }: { at: string | null }) {
  const now = useNow();
  return at && Date.parse(at) > now ? <When at={at} /> : <span>–</span>;
}
