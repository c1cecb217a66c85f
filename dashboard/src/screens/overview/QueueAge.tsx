import { Anchor, Badge, Text } from "@mantine/core";
import { IconAlertTriangle, IconPlayerPause } from "@tabler/icons-react";
import { Link } from "wouter";
import { useQueues } from "../../api/queries";
import type { Queue } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { Answer } from "../../components/states";
import { tasksAddress } from "../../lib/address";
import { clip, count, duration } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { Section } from "./Section";
import { words } from "./text";
import { type Trouble, troubleOf, worstFirst } from "./trouble";

const EVERY_MS = 5_000;
const COLOR: Record<Trouble, string> = { unserved: "red", slow: "yellow", paused: "orange" };

/** How much waits in each queue and for how long. What needs somebody stands first. */
export function QueueAge() {
  const t = useText(words);
  const query = useQueues(EVERY_MS);
  const columns = useColumns();
  return (
    <Section title={t.queues} more={{ href: "/queues", label: t.allQueues }}>
      <Answer query={query} lines={3}>
        {(queues) =>
          queues.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.noQueues}
            </Text>
          ) : (
            <DataTable
              label={t.queues}
              columns={columns}
              rows={worstFirst(queues)}
              keyOf={(queue) => queue.name}
            />
          )
        }
      </Answer>
    </Section>
  );
}

function useColumns(): Column<Queue>[] {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  return [
    {
      key: "name",
      header: c.queue,
      cell: ({ name }) => (
        <Anchor inherit component={Link} href="/queues" className="one-line" title={name}>
          {clip(name, 100)}
        </Anchor>
      ),
    },
    {
      key: "trouble",
      header: c.status,
      width: 136,
      cell: (queue) => <TroubleBadge queue={queue} />,
    },
    {
      key: "depth",
      header: t.depth,
      width: 76,
      align: "right",
      cell: ({ name, depth }) => (
        <Anchor
          inherit
          component={Link}
          href={tasksAddress({ status: ["pending"], queue: name })}
          aria-label={`${t.waitingIn(name)}: ${count(depth, language)}`}
        >
          {count(depth, language)}
        </Anchor>
      ),
    },
    {
      key: "oldest",
      header: t.oldest,
      width: 116,
      align: "right",
      from: "sm",
      cell: ({ oldest_wait_seconds }) => duration(oldest_wait_seconds),
    },
    {
      key: "running",
      header: t.running,
      width: 84,
      align: "right",
      from: "sm",
      cell: ({ running }) => count(running, language),
    },
    {
      key: "workers",
      header: t.workers,
      width: 96,
      align: "right",
      from: "sm",
      cell: ({ workers }) => count(workers, language),
    },
  ];
}

function TroubleBadge({ queue }: { queue: Queue }) {
  const t = useText(words);
  const trouble = troubleOf(queue);
  if (trouble === null) return "–";
  const Icon = trouble === "paused" ? IconPlayerPause : IconAlertTriangle;
  return (
    <Badge
      color={COLOR[trouble]}
      variant="light"
      leftSection={<Icon size={12} aria-hidden />}
      title={t.troubleCures[trouble]}
      data-trouble={trouble}
    >
      {t.troubles[trouble]}
    </Badge>
  );
}
