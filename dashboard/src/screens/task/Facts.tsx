import { Anchor, Badge, Group, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useSession } from "../../api/session";
import type { Task } from "../../api/types";
import { Panel } from "../../components/Panel";
import { TaskLink } from "../../components/TaskLink";
import { UserName } from "../../components/UserName";
import { useNow, When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { clip, count, duration } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { words } from "./text";

/** What a task is, as it was given and as it went. */
export function Facts({ task }: { task: Task }) {
  const t = useText(words);
  return (
    <Panel title={t.facts}>
      <Table aria-label={t.facts} layout="fixed" verticalSpacing={4} horizontalSpacing="xs">
        <Table.Tbody>
          <Given task={task} />
          <Limits task={task} />
          <Origin task={task} />
          <Times task={task} />
        </Table.Tbody>
      </Table>
    </Panel>
  );
}

/** A line; one that has nothing to say is left out. */
function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (!children && children !== 0) return null;
  return (
    <Table.Tr>
      <Table.Th scope="row" w="40%" fw={400} c="dimmed">
        {name}
      </Table.Th>
      <Table.Td className="breaks">{children}</Table.Td>
    </Table.Tr>
  );
}

function Given({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  return (
    <>
      <Fact name={c.type}>
        <ListLink filters={{ task_type: task.task_type }}>{task.task_type}</ListLink>
      </Fact>
      <Fact name={c.queue}>
        <ListLink filters={{ queue: task.queue }}>{task.queue}</ListLink>
      </Fact>
      <Fact name={c.priority}>{c.priorities[task.priority] ?? task.priority}</Fact>
      <Fact name={t.fact.ownerRef}>
        {task.owner_ref !== null && (
          <ListLink filters={{ owner_ref: task.owner_ref }}>{task.owner_ref}</ListLink>
        )}
      </Fact>
      <Fact name={c.tags}>
        {task.tags.length > 0 ? (
          <Group gap={4}>
            {task.tags.map((tag) => (
              <ListLink key={tag} filters={{ tag }}>
                <Badge variant="default" tt="none" maw="100%">
                  {tag}
                </Badge>
              </ListLink>
            ))}
          </Group>
        ) : null}
      </Fact>
    </>
  );
}

function Limits({ task }: { task: Task }) {
  const t = useText(words);
  const { language } = useLanguage();
  return (
    <>
      <Fact name={t.fact.maxAttempts}>{count(task.max_attempts, language)}</Fact>
      <Fact name={t.fact.tries}>{count(task.tries, language)}</Fact>
      <Fact name={t.fact.starts}>{count(task.attempt, language)}</Fact>
      <Fact name={t.fact.limits}>{task.time_limit && duration(task.time_limit)}</Fact>
      <Fact name={t.fact.softLimit}>{task.soft_time_limit && duration(task.soft_time_limit)}</Fact>
      <Fact name={t.fact.limitKey}>{task.limit_key && clip(task.limit_key, 300)}</Fact>
    </>
  );
}

function Origin({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  const { user_id } = useSession();
  return (
    <>
      <Fact name={c.worker}>{task.worker && clip(task.worker, 300)}</Fact>
      <Fact name={t.fact.parent}>{task.parent_id && <TaskLink id={task.parent_id} />}</Fact>
      <Fact name={t.fact.retryOf}>{task.retry_of && <TaskLink id={task.retry_of} />}</Fact>
      <Fact name={t.fact.user}>
        {task.user_id === user_id ? t.fact.you : <UserName id={task.user_id} />}
      </Fact>
      <Fact name={t.fact.celeryId}>
        <Text size="xs" ff="monospace" className="breaks">
          {task.celery_id}
        </Text>
      </Fact>
      <Fact name={t.fact.version}>{task.version}</Fact>
    </>
  );
}

function Times({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  const times: [string, string | null][] = [
    [c.created, task.created_at],
    [t.fact.scheduled, task.scheduled_at],
    [t.fact.expires, task.expires_at],
    [t.fact.handedOut, task.dispatched_at],
    [c.started, task.started_at],
    [c.ended, task.completed_at],
    [t.fact.updated, task.updated_at],
  ];
  return (
    <>
      {times.map(([name, at]) => (
        <Fact key={name} name={name}>
          {at && <When at={at} exact />}
        </Fact>
      ))}
      {task.started_at && (
        <Fact name={t.fact.ran}>
          <Span from={task.started_at} to={task.completed_at} />
        </Fact>
      )}
    </>
  );
}

/** How long from then, so far or until the end. */
export function Span({ from, to }: { from: string; to: string | null }) {
  return to === null ? <SpanSoFar from={from} /> : duration(between(from, Date.parse(to)));
}

function SpanSoFar({ from }: { from: string }) {
  return duration(Math.max(0, Math.floor(between(from, useNow()))));
}

function between(from: string, to: number): number {
  return (to - Date.parse(from)) / 1000;
}

interface ListLinkProps {
  filters: Parameters<typeof tasksAddress>[0];
  children: ReactNode;
}

function ListLink({ filters, children }: ListLinkProps) {
  const text = typeof children === "string" ? clip(children, 300) : children;
  return (
    <Anchor component={Link} href={tasksAddress(filters)} size="sm" className="breaks">
      {text}
    </Anchor>
  );
}
