import { Alert, Anchor, Group, List, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "wouter";
import type { Explanation, ExplanationReason, Task, TaskStatus } from "../../api/types";
import { Panel } from "../../components/Panel";
import { Answer } from "../../components/states";
import { useLanguage, useText } from "../../text/language";
import { isAboutQueues, limitsOf, tasksOf, tell } from "./reasons";
import { TaskLine } from "./TaskLine";
import { words } from "./text";

/** Ways of waiting that need nobody. */
const CALM: readonly string[] = ["running", "scheduled", "handed_out", "ready", "waits_for_tasks"];

interface Props {
  task: Task;
  explanation: UseQueryResult<Explanation>;
}

/** Why a task does not run, where it runs, or how it ended; and what helps. */
export function Why({ task, explanation }: Props) {
  const t = useText(words);
  return (
    <Panel title={t.why[task.status]}>
      <Answer query={explanation} lines={2}>
        {({ reasons, status }) => (
          <Stack gap="xs">
            {reasons.map((reason) => (
              <Reason key={reason.code} reason={reason} status={status} task={task} />
            ))}
          </Stack>
        )}
      </Answer>
    </Panel>
  );
}

interface ReasonProps {
  reason: ExplanationReason;
  /** Of the task when it was explained. */
  status: TaskStatus;
  task: Task;
}

function Reason({ reason, status, task }: ReasonProps) {
  const t = useText(words);
  const { language } = useLanguage();
  const { sentence, cure } = tell(reason, status, language);
  const color = colorOf(reason.code, status);
  const Icon = color === "orange" || color === "red" ? IconAlertTriangle : IconInfoCircle;
  const limits = limitsOf(reason.data, language);
  return (
    <Alert
      color={color}
      variant="light"
      icon={<Icon aria-hidden />}
      role="note"
      data-reason={reason.code}
    >
      <Stack gap={6}>
        <Text size="sm" className="breaks" fw={500}>
          {sentence}
        </Text>
        {limits.length > 0 && (
          <List size="sm" className="breaks">
            {limits.map((limit) => (
              <List.Item key={limit}>{limit}</List.Item>
            ))}
          </List>
        )}
        <NeededTasks reason={reason} />
        <Text size="sm" className="breaks">
          {cure}
        </Text>
        <Group gap="md">
          {isAboutQueues(reason.code) && (
            <Anchor component={Link} href="/queues" size="sm">
              {t.toQueues}
            </Anchor>
          )}
          {task.reason?.startsWith("dependency_") && (
            <Anchor component={Link} href={`/tasks/${task.id}?tab=relations`} size="sm">
              {t.dependencies}
            </Anchor>
          )}
          {(status === "failed" || reason.code === "waits_for_retry") && (
            <Anchor component={Link} href={`/tasks/${task.id}?tab=attempts`} size="sm">
              {t.toAttempts}
            </Anchor>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}

function NeededTasks({ reason }: { reason: ExplanationReason }) {
  const t = useText(words);
  const tasks = tasksOf(reason.data);
  if (tasks.length === 0) return null;
  const rest = Number(reason.data.total) - tasks.length;
  return (
    <Stack gap={4}>
      {tasks.map((task) => (
        <TaskLine key={task.id} task={task} />
      ))}
      {rest > 0 && <Text size="sm">{t.moreTasks(rest)}</Text>}
    </Stack>
  );
}

function colorOf(code: string, status: TaskStatus): string {
  if (status === "succeeded") return "teal";
  if (status === "failed") return "red";
  return CALM.includes(code) ? "blue" : "orange";
}
