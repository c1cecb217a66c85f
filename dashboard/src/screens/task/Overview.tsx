import { Alert, SimpleGrid, Stack } from "@mantine/core";
import type { Task } from "../../api/types";
import { Panel } from "../../components/Panel";
import { useText } from "../../text/language";
import { CancelStages } from "./CancelStages";
import { cancelling } from "./cancelling";
import { TaskFacts } from "./Facts";
import { History } from "./History";
import { Progress } from "./Progress";
import { words } from "./text";
import { useAttempts, useExplanation } from "./useDetails";
import { Why } from "./Why";

/** What a task is doing and why, what has happened to it, and what it is. */
export function Overview({ task }: { task: Task }) {
  const t = useText(words);
  const explanation = useExplanation(task);
  const starts = useAttempts(task);
  const cancel = cancelling(explanation.data, starts.data?.attempts ?? []);
  return (
    <Stack gap="md">
      <Progress task={task} />
      {cancel && (
        <Panel title={t.cancelStages}>
          {cancel.overdue && <Alert color="orange">{t.overdue}</Alert>}
          <CancelStages cancel={cancel} />
        </Panel>
      )}
      <Why task={task} explanation={explanation} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <History task={task} starts={starts} />
        <TaskFacts task={task} />
      </SimpleGrid>
    </Stack>
  );
}
