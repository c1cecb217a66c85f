import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { Attempt, Task } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { LongText } from "../../components/LongText";
import { OneLine } from "../../components/OneLine";
import { Panel } from "../../components/Panel";
import { Answer, Empty } from "../../components/states";
import { When } from "../../components/When";
import { clip } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { CancelStages } from "./CancelStages";
import { cancelling } from "./cancelling";
import { Fold } from "./Fold";
import { Outcome } from "./Outcome";
import { Span } from "./Span";
import { words } from "./text";
import { useAttempts, useExplanation } from "./useDetails";

const PAGE = 50;

/** Every start of a task, the latest first, with the errors in full. */
export function Attempts({ task }: { task: Task }) {
  const t = useText(words);
  const query = useAttempts(task);
  return (
    <Answer query={query}>
      {({ attempts, more }) =>
        attempts.length === 0 ? (
          <Empty title={t.noAttempts}>{t.noAttemptsWhy}</Empty>
        ) : (
          <Stack gap="md">
            {more && <Alert color="orange">{t.tooMany}</Alert>}
            <Starts task={task} attempts={attempts} />
          </Stack>
        )
      }
    </Answer>
  );
}

function Starts({ task, attempts }: { task: Task; attempts: readonly Attempt[] }) {
  const t = useText(words);
  const [shown, setShown] = useState(PAGE);
  const explanation = useExplanation(task);
  const cancel = cancelling(explanation.data, attempts);
  const latest = [...attempts].reverse().slice(0, shown);
  const rest = attempts.length - latest.length;
  const columns = useColumns(task);
  return (
    <>
      <Panel title={t.tabs.attempts}>
        <DataTable
          label={t.tabs.attempts}
          columns={columns}
          rows={latest}
          keyOf={(each) => each.attempt}
        />
        {rest > 0 && (
          <Group>
            <Button size="xs" variant="default" onClick={() => setShown(shown + PAGE)}>
              {t.moreAttempts(rest)}
            </Button>
          </Group>
        )}
      </Panel>
      {cancel && (
        <Panel title={t.cancelStages}>
          <CancelStages cancel={cancel} />
        </Panel>
      )}
      <Errors attempts={latest} />
    </>
  );
}

function useColumns(task: Task): readonly Column<Attempt>[] {
  const t = useText(words);
  const c = useText(common);
  return [
    { key: "attempt", header: "#", width: 56, cell: (each) => each.attempt },
    {
      key: "worker",
      header: c.worker,
      from: "md",
      cell: ({ worker }) => <OneLine text={worker ?? "–"} />,
    },
    {
      key: "started",
      header: c.started,
      from: "sm",
      width: 190,
      cell: (each) => <When at={each.started_at} exact />,
    },
    {
      key: "duration",
      header: c.duration,
      width: 110,
      align: "right",
      cell: (each) => <Ran attempt={each} task={task} />,
    },
    {
      key: "outcome",
      header: t.outcome,
      cell: (each) => (
        <>
          <Outcome outcome={each.outcome} />
          {each.checkpoint_at && (
            <Text size="xs" c="dimmed">
              {t.checkpointHere} · <When at={each.checkpoint_at} />
            </Text>
          )}
        </>
      ),
    },
    {
      key: "error",
      header: c.error,
      from: "md",
      cell: ({ error }) => <OneLine text={error ? headline(error, 300) : "–"} />,
    },
  ];
}

/** Counted on only for the attempt that runs. */
function Ran({ attempt, task }: { attempt: Attempt; task: Task }) {
  const runs = attempt.attempt === task.attempt && task.status === "running";
  if (attempt.started_at === null || (attempt.ended_at === null && !runs)) return "–";
  return <Span from={attempt.started_at} to={attempt.ended_at} />;
}

function Errors({ attempts }: { attempts: readonly Attempt[] }) {
  const t = useText(words);
  const failed = attempts.filter((each) => each.error !== null);
  if (failed.length === 0) return null;
  return (
    <Panel title={t.errors}>
      {failed.map((each) => (
        <AttemptError key={each.attempt} attempt={each} open={failed.length === 1} />
      ))}
    </Panel>
  );
}

function AttemptError({ attempt, open }: { attempt: Attempt; open: boolean }) {
  const t = useText(words);
  if (!attempt.error) return null;
  return (
    <Fold
      open={open}
      summary={`${t.attemptNumber(attempt.attempt)}: ${headline(attempt.error, 160)}`}
    >
      <ErrorText error={attempt.error} />
    </Fold>
  );
}

/** Type, message and traceback of an error, each as it is. */
export function ErrorText({ error }: { error: NonNullable<Attempt["error"]> }) {
  const t = useText(words);
  return (
    <>
      <Text size="sm" fw={600} ff="monospace" className="breaks">
        {clip(error.type, 300)}
      </Text>
      {error.message && <LongText text={error.message} label={t.message} />}
      {error.traceback && <LongText text={error.traceback} label={t.traceback} />}
    </>
  );
}

function headline(error: NonNullable<Attempt["error"]>, length: number): string {
  const [first = ""] = error.message.split("\n", 1);
  return clip(first ? `${error.type}: ${first}` : error.type, length);
}
