import { Alert, Badge, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { IconSquare, IconSquareFilled } from "@tabler/icons-react";
import type { Worker } from "../../api/types";
import { Facts } from "../../components/Facts";
import { TaskLink } from "../../components/TaskLink";
import { When } from "../../components/When";
import { bytes, clip, count, percent } from "../../lib/format";
import { useLiveTasks } from "../../live/hooks";
import { useLanguage, useText } from "../../text/language";
import { words } from "./text";
import { busySlots, squaresOf } from "./workers";

/** Running tasks that are named. */
const NAMED = 6;
/** Height of a line of them, in pixels. */
const LINE = 22;

/** One worker: whether it lives, how busy it is, what it works on, what it is. */
export function WorkerCard({ worker }: { worker: Worker }) {
  const t = useText(words);
  return (
    <Paper withBorder p="sm" data-worker={worker.name}>
      <Stack gap="xs">
        <Group gap="xs">
          <Title order={2} size="h5" className="breaks">
            {clip(worker.name, 200)}
          </Title>
          <Badge color={worker.live ? "teal" : "red"} variant="light">
            {worker.live ? t.live : t.silent}
          </Badge>
          {worker.stopping && (
            <Badge color="orange" variant="light" title={t.stoppingHelp}>
              {t.stopping}
            </Badge>
          )}
        </Group>
        <Slots worker={worker} />
        <Running worker={worker} />
        {!worker.catalogue_matches && (
          <Alert color="orange" variant="light" p="xs">
            {t.catalogueDiffers}
          </Alert>
        )}
        <WorkerFacts worker={worker} />
      </Stack>
    </Paper>
  );
}

function Slots({ worker }: { worker: Worker }) {
  const t = useText(words);
  const { language } = useLanguage();
  const squares = squaresOf(worker);
  const busy = busySlots(worker);
  const said = t.slots(count(busy, language), count(worker.slots, language));
  return (
    <Group gap="xs" align="center">
      {squares ? (
        <Group gap={2} aria-hidden>
          {squares.map((isBusy, slot) => {
            const Icon = isBusy ? IconSquareFilled : IconSquare;
            // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its place
            return <Icon key={slot} size={14} color="var(--mantine-primary-color-filled)" />;
          })}
        </Group>
      ) : (
        <Progress value={(100 * busy) / worker.slots} w={200} aria-label={said} />
      )}
      <Text size="sm">{said}</Text>
    </Group>
  );
}

/** As high as it gets when all slots are busy, so that nothing below it moves. */
function Running({ worker }: { worker: Worker }) {
  const t = useText(words);
  const { language } = useLanguage();
  const tasks = useLiveTasks();
  const more = worker.running.length - NAMED;
  return (
    <Stack gap={0} mih={LINE * Math.min(worker.slots, NAMED + 1)}>
      {worker.running.slice(0, NAMED).map((id) => (
        <TaskLink key={id} id={id} name={tasks.get(id)?.name} />
      ))}
      {more > 0 && (
        <Text size="sm" c="dimmed">
          {t.andMore(count(more, language))}
        </Text>
      )}
      {worker.running.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.idle}
        </Text>
      )}
    </Stack>
  );
}

function WorkerFacts({ worker }: { worker: Worker }) {
  const t = useText(words);
  const { language } = useLanguage();
  return (
    <Facts
      facts={[
        [t.heartbeat, <When key="heartbeat" at={worker.heartbeat_at} />],
        [t.startedAt, <When key="started" at={worker.started_at} />],
        [t.host, `${clip(worker.host, 200)} · PID ${worker.pid}`],
        [t.queues, clip(worker.queues.join(", "), 500) || "–"],
        [t.pool, clip(worker.pool, 100)],
        ["CPU", percent(worker.cpu_percent / 100, language)],
        [t.memory, bytes(worker.memory_bytes, language)],
        [t.version, clip(worker.version, 100)],
        [t.functions, worker.catalogue_matches ? t.catalogueMatches : t.catalogueOther],
      ]}
    />
  );
}
