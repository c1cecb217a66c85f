import { SegmentedControl, Stack, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Task } from "../../api/types";
import { Json, LongText } from "../../components/LongText";
import { Panel } from "../../components/Panel";
import { curlSnippet, pythonSnippet } from "../../lib/snippets";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { ErrorText } from "./Attempts";
import { Checkpoint } from "./Checkpoint";
import { words } from "./text";
import { isFinished } from "./useTask";

/** What a task was given, what it returned or why it failed, and how to submit it again. */
export function Data({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  return (
    <Stack gap="md">
      <Panel title={c.arguments}>
        <Given label={t.positional} none={t.positionalNone} value={task.args} />
        <Given label={t.named} none={t.namedNone} value={task.kwargs} />
      </Panel>
      <Panel title={c.result}>
        <Result task={task} />
      </Panel>
      {task.error && (
        <Panel title={c.error}>
          <ErrorText error={task.error} />
        </Panel>
      )}
      <Panel title={t.checkpoint}>
        <Checkpoint task={task} />
      </Panel>
      <Snippets task={task} />
    </Stack>
  );
}

function Quiet({ children }: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}

function Given({ label, none, value }: { label: string; none: string; value: object }) {
  if (Object.keys(value).length === 0) return <Quiet>{none}</Quiet>;
  return (
    <Stack gap={4}>
      <Text size="sm">{label}</Text>
      <Json value={value} label={label} />
    </Stack>
  );
}

function Result({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  if (task.status === "succeeded") return <Json value={task.result} label={c.result} />;
  return <Quiet>{isFinished(task) ? t.noResult : t.notFinished}</Quiet>;
}

const SNIPPETS = { curl: curlSnippet, python: pythonSnippet } as const;
type Snippet = keyof typeof SNIPPETS;

function Snippets({ task }: { task: Task }) {
  const t = useText(words);
  const [chosen, choose] = useState<Snippet>("curl");
  const [now] = useState(() => Date.now());
  return (
    <Panel
      title={t.again}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={t.again}
          data={[
            { value: "curl", label: t.curl },
            { value: "python", label: t.python },
          ]}
          value={chosen}
          onChange={(value) => choose(value as Snippet)}
        />
      }
    >
      <LongText
        key={chosen}
        text={SNIPPETS[chosen](task, location.origin, now)}
        label={t[chosen]}
      />
    </Panel>
  );
}
