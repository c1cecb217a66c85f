import { Alert, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Queue } from "../../api/types";
import { clip, count } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { Command } from "./Command";
import { needsOf } from "./depth";
import { words } from "./text";
import { workerCommand } from "./workerCommand";

/** Characters of a queue's name. */
const SHOWN = 100;

/**
 * Queues whose tasks wait for nobody, and the cure.
 *
 * It stands below the table: what comes and goes here must not move what is clicked there.
 */
export function QueueNeeds({ queues }: { queues: readonly Queue[] }) {
  const t = useText(words);
  const { language } = useLanguage();
  if (queues.every((queue) => queue.workers === 0)) {
    return (
      <Warning title={t.noWorkerAtAll}>
        <Text size="sm">{t.startOne}</Text>
        <Command text={workerCommand()} />
      </Warning>
    );
  }
  const unserved = queues.filter((queue) => needsOf(queue).includes("unserved"));
  return unserved.map((queue) => (
    <Warning key={queue.name} title={t.unserved(clip(queue.name, SHOWN))}>
      <Text size="sm">{t.unservedHelp(count(queue.depth, language))}</Text>
      <Command text={workerCommand(queue.name)} />
    </Warning>
  ));
}

function Warning({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Alert
      color="orange"
      variant="light"
      icon={<IconAlertTriangle />}
      title={<span className="breaks">{title}</span>}
    >
      <Stack gap="xs">{children}</Stack>
    </Alert>
  );
}
