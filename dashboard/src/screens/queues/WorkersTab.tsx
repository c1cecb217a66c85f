import { Alert, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconServerOff } from "@tabler/icons-react";
import type { Worker } from "../../api/types";
import { Answer, Empty } from "../../components/states";
import { count } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { Command } from "./Command";
import { useWorkers } from "./queries";
import { words } from "./text";
import { WorkerCard } from "./WorkerCard";
import { workerCommand } from "./workerCommand";
import { inOrder, totalsOf } from "./workers";

/** Every worker, and what it works on. */
export function WorkersTab() {
  const t = useText(words);
  return (
    <Answer query={useWorkers()}>
      {(workers) =>
        workers.length === 0 ? (
          <Empty
            title={t.noWorkerAtAll}
            icon={<IconServerOff size={40} aria-hidden />}
            action={<Command text={workerCommand()} />}
          >
            {t.startOne}
          </Empty>
        ) : (
          <Workers workers={workers} />
        )
      }
    </Answer>
  );
}

function Workers({ workers }: { workers: readonly Worker[] }) {
  const t = useText(words);
  const { language } = useLanguage();
  const { live, slots, busy } = totalsOf(workers);
  return (
    <Stack gap="md">
      <Text size="sm">
        {t.workerTotals(count(live, language), count(busy, language), count(slots, language))}
      </Text>
      {live === 0 && (
        <Alert color="orange" variant="light" icon={<IconAlertTriangle />} title={t.noWorkerAtAll}>
          <Text size="sm">{t.startOne}</Text>
          <Command text={workerCommand()} />
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
        {inOrder(workers).map((worker) => (
          <WorkerCard key={worker.name} worker={worker} />
        ))}
      </SimpleGrid>
    </Stack>
  );
}
