import { Anchor, Badge, Code, Group } from "@mantine/core";
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
    [t.cron, cron && <Code key="cron">{clip(cron, 500)}</Code>],
    [t.timezone, timezone],
    [t.every, interval_seconds && duration(interval_seconds)],
    [t.at, at && <When key="at" at={at} exact />],
    [t.startAt, start_at && <When key="start" at={start_at} exact />],
    [t.endAt, end_at && <When key="end" at={end_at} exact />],
    [t.overlap, t.overlaps[schedule.overlap]],
    [t.misfire, t.misfires[schedule.misfire]],
  ];
}

function useWhat(schedule: ScheduleDetail): Fact[] {
  const t = useText(words);
  const c = useText(common);
  const own = t.asFunctionSays;
  const { time_limit, soft_time_limit, expires_in, tags } = schedule;
  return [
    [c.function, <Code key="function">{clip(schedule.celery_task_name, 300)}</Code>],
    [c.type, clip(schedule.task_type, 200)],
    [c.priority, c.priorities[schedule.priority]],
    [c.queue, schedule.queue ?? own],
    [t.maxAttempts, schedule.max_attempts ?? own],
    [t.timeLimit, time_limit && duration(time_limit)],
    [t.softTimeLimit, soft_time_limit && duration(soft_time_limit)],
    [t.expiresIn, expires_in && duration(expires_in)],
    [t.ownerRef, clip(schedule.owner_ref ?? "", 200)],
    [c.tags, tags.length > 0 && <Tags key="tags" tags={tags} />],
  ];
}

function useKnown(schedule: ScheduleDetail): Fact[] {
  const t = useText(words);
  const c = useText(common);
  const { last_task_id } = schedule;
  return [
    [t.paused, schedule.paused_at && <Paused key="paused" schedule={schedule} />],
    [t.last, <When key="last" at={schedule.last_fire_at} />],
    [t.lastTask, last_task_id && <TaskLink key="task" id={last_task_id} />],
    [t.source, t.sources[schedule.source]],
    [c.created, <When key="created" at={schedule.created_at} exact />],
    [t.changed, <When key="changed" at={schedule.updated_at} exact />],
  ];
}

function Paused({ schedule: { paused_at, paused_by } }: { schedule: ScheduleDetail }) {
  const t = useText(words);
  return (
    <>
      <When at={paused_at} /> {paused_by && t.pausedBy(clip(paused_by, 200))}
    </>
  );
}

function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <Group gap={4}>
      {tags.map((tag) => (
        <Anchor component={Link} href={tasksAddress({ tag })} key={tag} maw="100%">
          <Badge variant="light" color="gray" tt="none" maw="100%" title={clip(tag, 64)}>
            {clip(tag, 64)}
          </Badge>
        </Anchor>
      ))}
    </Group>
  );
}
