import { Anchor, Badge, Code, Group } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useSession } from "../../api/session";
import type { Task } from "../../api/types";
import { type Fact, Facts } from "../../components/Facts";
import { Panel } from "../../components/Panel";
import { TaskLink } from "../../components/TaskLink";
import { UserName } from "../../components/UserName";
import { When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { clip, count, duration } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { Span } from "./Span";
import { words } from "./text";

/** Characters of a name that somebody else has chosen. */
const SHOWN = 300;

/** What a task is, as it was given and as it went. */
export function TaskFacts({ task }: { task: Task }) {
  const t = useText(words);
  const given = useGiven(task);
  const limits = useLimits(task);
  const origin = useOrigin(task);
  const times = useTimes(task);
  return (
    <Panel title={t.facts}>
      <Facts facts={[...given, ...limits, ...origin, ...times]} />
    </Panel>
  );
}

function useGiven({ task_type, queue, priority, owner_ref, tags }: Task): Fact[] {
  const t = useText(words);
  const c = useText(common);
  return [
    [c.type, <ListLink key="type" filters={{ task_type }} text={task_type} />],
    [c.queue, <ListLink key="queue" filters={{ queue }} text={queue} />],
    [c.priority, c.priorities[priority] ?? priority],
    [
      t.fact.ownerRef,
      owner_ref !== null && <ListLink key="owner" filters={{ owner_ref }} text={owner_ref} />,
    ],
    [c.tags, tags.length > 0 && <Tags key="tags" tags={tags} />],
  ];
}

function useLimits(task: Task): Fact[] {
  const t = useText(words);
  const { language } = useLanguage();
  return [
    [t.fact.maxAttempts, count(task.max_attempts, language)],
    [t.fact.tries, count(task.tries, language)],
    [t.fact.starts, count(task.attempt, language)],
    [t.fact.limits, task.time_limit && duration(task.time_limit)],
    [t.fact.softLimit, task.soft_time_limit && duration(task.soft_time_limit)],
    [t.fact.limitKey, task.limit_key && clip(task.limit_key, SHOWN)],
  ];
}

function useOrigin(task: Task): Fact[] {
  const t = useText(words);
  const c = useText(common);
  const { user_id } = useSession();
  const { parent_id: parent, retry_of: before } = task;
  return [
    [c.worker, task.worker && clip(task.worker, SHOWN)],
    [t.fact.parent, parent && <TaskLink key="parent" id={parent} />],
    [t.fact.retryOf, before && <TaskLink key="before" id={before} />],
    [t.fact.user, task.user_id === user_id ? t.fact.you : <UserName key="by" id={task.user_id} />],
    [t.fact.celeryId, <Code key="celery">{task.celery_id}</Code>],
    [t.fact.version, task.version],
  ];
}

function useTimes(task: Task): Fact[] {
  const t = useText(words);
  const c = useText(common);
  const { started_at: started, completed_at: ended } = task;
  const time = (name: string, at: string | null): Fact => [
    name,
    at && <When key="at" at={at} exact />,
  ];
  return [
    time(c.created, task.created_at),
    time(t.fact.scheduled, task.scheduled_at),
    time(t.fact.expires, task.expires_at),
    time(t.fact.handedOut, task.dispatched_at),
    time(c.started, started),
    time(c.ended, ended),
    time(t.fact.updated, task.updated_at),
    [t.fact.ran, started && <Span key="ran" from={started} to={ended} />],
  ];
}

function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <Group gap={4}>
      {tags.map((tag) => (
        <ListLink
          key={tag}
          filters={{ tag }}
          text={
            <Badge variant="default" tt="none" maw="100%" title={tag}>
              {tag}
            </Badge>
          }
        />
      ))}
    </Group>
  );
}

interface ListLinkProps {
  filters: Parameters<typeof tasksAddress>[0];
  text: ReactNode;
}

function ListLink({ filters, text }: ListLinkProps) {
  return (
    <Anchor component={Link} href={tasksAddress(filters)} className="breaks" maw="100%">
      {typeof text === "string" ? clip(text, SHOWN) : text}
    </Anchor>
  );
}
