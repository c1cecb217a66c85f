import { Alert, Anchor, Group, List, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "wouter";
import type { Explanation, ExplanationReason, Task, TaskStatus } from "../../api/types";
import { Panel } from "../../components/Panel";
import { Answer } from "../../components/states";
import { useLanguage, useText } from "../../text/language";
import { isAboutQueues, limitsOf, type Told, tasksOf, tellAll } from "./reasons";
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
  const { language } = useLanguage();
  return (
    <Panel title={t.why[task.status]}>
      <Answer query={explanation} lines={2}>
        {(explained) => (
          <Stack gap="xs">
            {tellAll(explained, language).map((told) => (
              <Reason key={told.reason.code} told={told} status={explained.status} task={task} />
            ))}
          </Stack>
        )}
      </Answer>
    </Panel>
  );
}

interface ReasonProps {
  told: Told;
  /** Of the task when it was explained. */
  status: TaskStatus;
  task: Task;
}

function Reason({ told, status, task }: ReasonProps) {
  const { language } = useLanguage();
  const { reason, sentence, cure } = told;
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
        {cure && (
          <Text size="sm" className="breaks">
            {cure}
          </Text>
        )}
        <Ways code={reason.code} status={status} task={task} />
      </Stack>
    </Alert>
  );
}

interface WaysProps {
  code: string;
  status: TaskStatus;
  task: Task;
}

/** To where more of it is known. */
function Ways({ code, status, task }: WaysProps) {
  const t = useText(words);
  const ways: [label: string, href: string][] = [];
  if (isAboutQueues(code)) ways.push([t.toQueues, "/queues"]);
  if (task.reason?.startsWith("dependency_")) {
    ways.push([t.dependencies, `/tasks/${task.id}?tab=relations`]);
  }
  if (status === "failed" || code === "waits_for_retry") {
    ways.push([t.toAttempts, `/tasks/${task.id}?tab=attempts`]);
  }
  if (ways.length === 0) return null;
  return (
    <Group gap="md">
      {ways.map(([label, href]) => (
        <Anchor component={Link} key={href} href={href} size="sm">
          {label}
        </Anchor>
      ))}
    </Group>
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
