import { Anchor, Badge, Group, Stack, Text } from "@mantine/core";
import { IconServer } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api } from "../../api/client";
import { QUEUES, useQueues } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Queue } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { ConfirmButton } from "../../components/ConfirmButton";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { Answer, Empty } from "../../components/states";
import { When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { clip, count, duration } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { DepthBar } from "./DepthBar";
import { needsOf } from "./depth";
import { QueueNeeds } from "./QueueNeeds";
import { words } from "./text";

const EVERY_MS = 5_000;
/** Characters of a name that somebody else has chosen. */
const SHOWN = 100;

/** What waits in each queue, and holding it back. */
export function QueuesTab() {
  const t = useText(words);
  return (
    <Answer query={useQueues(EVERY_MS)}>
      {(queues) =>
        queues.length === 0 ? (
          <Empty title={t.noQueues} icon={<IconServer size={40} aria-hidden />}>
            {t.noQueuesHelp}
          </Empty>
        ) : (
          <Stack gap="md">
            <Rows queues={queues} />
            <QueueNeeds queues={queues} />
          </Stack>
        )
      }
    </Answer>
  );
}

function Rows({ queues }: { queues: readonly Queue[] }) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const { language } = useLanguage();
  const columns: Column<Queue>[] = [
    { key: "name", header: c.queue, cell: (queue) => <Name queue={queue} /> },
    { key: "depth", header: t.waiting, cell: (queue) => <Waiting queue={queue} /> },
    {
      key: "dispatched",
      header: <span title={t.handedOutHelp}>{t.handedOut}</span>,
      width: 100,
      align: "right",
      from: "lg",
      cell: (queue) => count(queue.dispatched, language),
    },
    {
      key: "running",
      header: c.statuses.running,
      width: 84,
      align: "right",
      from: "sm",
      cell: (queue) => count(queue.running, language),
    },
    {
      key: "scheduled",
      header: <span title={t.scheduledHelp}>{t.scheduled}</span>,
      width: 96,
      align: "right",
      from: "lg",
      cell: (queue) => count(queue.scheduled, language),
    },
    {
      key: "oldest",
      header: t.oldestWait,
      width: 112,
      align: "right",
      from: "md",
      cell: (queue) => duration(queue.oldest_wait_seconds),
    },
    {
      key: "workers",
      header: t.workers,
      width: 124,
      align: "right",
      from: "sm",
      cell: (queue) => <Served queue={queue} />,
    },
  ];
  if (can("queues:write")) {
    columns.push({
      key: "actions",
      header: t.actions,
      width: 92,
      cell: (queue) => <PauseOrResume queue={queue} />,
    });
  }
  return <DataTable label={t.queues} columns={columns} rows={queues} keyOf={({ name }) => name} />;
}

/** Both lines are always there, so that a pause moves nothing. */
function Name({ queue }: { queue: Queue }) {
  const t = useText(words);
  const { language } = useLanguage();
  const isHolding = needsOf(queue).includes("paused");
  return (
    <Stack gap={0}>
      <OneLine text={queue.name} size="md" fw={600} />
      <Group gap={6} wrap="nowrap" h={22}>
        <Badge
          flex="none"
          size="sm"
          color={queue.paused ? "orange" : "teal"}
          variant="light"
          data-paused={queue.paused}
          title={isHolding ? t.heldBack(count(queue.depth, language)) : undefined}
        >
          {queue.paused ? t.paused : t.open}
        </Badge>
        {queue.paused && (
          <Text size="xs" c="dimmed" className="one-line" title={queue.paused_by ?? undefined}>
            {queue.paused_by} · <When at={queue.paused_at} />
          </Text>
        )}
      </Group>
    </Stack>
  );
}

function Waiting({ queue }: { queue: Queue }) {
  const t = useText(words);
  const { language } = useLanguage();
  return (
    <Stack gap={2}>
      <Anchor
        component={Link}
        href={tasksAddress({ status: ["pending"], queue: queue.name })}
        size="sm"
        ff="monospace"
        aria-label={t.waitingIn(count(queue.depth, language), clip(queue.name, SHOWN))}
      >
        {count(queue.depth, language)}
      </Anchor>
      <DepthBar depth={queue.depth_by_priority} />
    </Stack>
  );
}

function Served({ queue }: { queue: Queue }) {
  const t = useText(words);
  const { language } = useLanguage();
  if (!needsOf(queue).includes("unserved")) return count(queue.workers, language);
  return (
    <Badge color="red" variant="light" title={t.unserved(clip(queue.name, SHOWN))}>
      {t.noWorker}
    </Badge>
  );
}

function PauseOrResume({ queue }: { queue: Queue }) {
  const t = useText(words);
  const c = useText(common);
  const client = useQueryClient();
  const path = { params: { path: { name: queue.name } } };
  const name = clip(queue.name, SHOWN);

  async function pause() {
    await api.POST("/api/v1/queues/{name}/pause", path);
    await client.invalidateQueries({ queryKey: QUEUES });
  }

  async function resume() {
    await api.POST("/api/v1/queues/{name}/resume", path);
    await client.invalidateQueries({ queryKey: QUEUES });
  }

  if (queue.paused) {
    return <ActionButton size="compact-xs" label={c.resume} done={t.resumed(name)} act={resume} />;
  }
  return (
    <ConfirmButton
      size="compact-xs"
      label={c.pause}
      title={t.pauseTitle(name)}
      question={t.pauseQuestion}
      act={pause}
    />
  );
}
