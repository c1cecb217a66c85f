import { Anchor, Badge, Code, Group } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { ScheduleDetail } from "../../api/types";
import { type Fact, Facts } from "../../components/Facts";
import { TaskLink } from "../../components/TaskLink";
import { When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { clip, duration } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";

/** What a schedule says, and what is known of it. */
export function ScheduleFacts({ schedule }: { schedule: ScheduleDetail }) {
  const when = useWhen(schedule);
  const what = useWhat(schedule);
  const known = useKnown(schedule);
  return <Facts facts={[...when, ...what, ...known]} />;
}

function useWhen(schedule: ScheduleDetail): Fact[] {
  const t = useText(words);
  const { cron, timezone, interval_seconds, at, start_at, end_at } = schedule;
  return [
    [t.kind, t.kinds[schedule.kind]],
    ...given(t.cron, cron, (value) => <Code>{clip(value, 500)}</Code>),
    ...given(t.timezone, timezone),
    ...given(t.every, interval_seconds, duration),
    ...given(t.at, at, (moment) => <When at={moment} exact />),
    ...given(t.startAt, start_at, (moment) => <When at={moment} exact />),
    ...given(t.endAt, end_at, (moment) => <When at={moment} exact />),
    [t.overlap, t.overlaps[schedule.overlap]],
    [t.misfire, t.misfires[schedule.misfire]],
  ];
}

function useWhat(schedule: ScheduleDetail): Fact[] {
  const t = useText(words);
  const c = useText(common);
  const own = t.asFunctionSays;
  return [
    [c.function, <Code key="function">{clip(schedule.celery_task_name, 300)}</Code>],
    [c.type, clip(schedule.task_type, 200)],
    [c.priority, c.priorities[schedule.priority]],
    [c.queue, schedule.queue ?? own],
    [t.maxAttempts, schedule.max_attempts ?? own],
    ...given(t.timeLimit, schedule.time_limit, duration),
    ...given(t.softTimeLimit, schedule.soft_time_limit, duration),
    ...given(t.expiresIn, schedule.expires_in, duration),
    ...given(t.ownerRef, schedule.owner_ref, (key) => clip(key, 200)),
    ...given(c.tags, schedule.tags.length > 0 ? schedule.tags : null, (tags) => (
      <Tags tags={tags} />
    )),
  ];
}

function useKnown(schedule: ScheduleDetail): Fact[] {
  const t = useText(words);
  const c = useText(common);
  const { paused_at, paused_by, last_fire_at, last_task_id } = schedule;
  return [
    ...given(t.paused, paused_at, (moment) => (
      <>
        <When at={moment} /> {paused_by && t.pausedBy(clip(paused_by, 200))}
      </>
    )),
    [t.last, <When key="last" at={last_fire_at} />],
    ...given(t.lastTask, last_task_id, (id) => <TaskLink id={id} />),
    [t.source, t.sources[schedule.source]],
    [c.created, <When key="created" at={schedule.created_at} exact />],
    [t.changed, <When key="changed" at={schedule.updated_at} exact />],
  ];
}

function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <Group gap={4}>
      {tags.map((tag) => (
        <Anchor component={Link} href={tasksAddress({ tag })} key={tag} maw="100%">
          <Badge variant="light" color="gray" tt="none" maw="100%">
            {clip(tag, 64)}
          </Badge>
        </Anchor>
      ))}
    </Group>
  );
}

/** A fact, if there is a value. */
function given<T>(
  name: string,
  value: T | null,
  show: (value: T) => ReactNode = (each) => String(each),
): Fact[] {
  return value === null ? [] : [[name, show(value)]];
}
