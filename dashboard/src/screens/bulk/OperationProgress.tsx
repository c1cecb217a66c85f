import { Badge, Group, Progress, Stack, Text } from "@mantine/core";
import { useRefresh } from "../../api/queries";
import { useCan } from "../../api/session";
import type { BulkOperation } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { abortOperation, BULK, OUTCOMES } from "./operations";
import { words } from "./text";

const COLORS = { running: "blue", finished: "teal", aborted: "orange" } as const;

export function OperationStatus({ status }: { status: BulkOperation["status"] }) {
  const t = useText(words);
  return (
    <Badge color={COLORS[status]} variant="light" data-status={status}>
      {t.statuses[status]}
    </Badge>
  );
}

/** The share of the tasks that have had their turn. */
export function OperationBar({ operation }: { operation: BulkOperation }) {
  const c = useText(common);
  const { done, total, status } = operation;
  return (
    <Progress
      value={total === 0 ? 100 : Math.floor((100 * done) / total)}
      color={COLORS[status]}
      animated={status === "running"}
      aria-label={c.progress}
    />
  );
}

/** How far an operation is, what has come of it so far, and a way to stop it. */
export function OperationProgress({ operation }: { operation: BulkOperation }) {
  const t = useText(words);
  const { language } = useLanguage();
  const can = useCan();
  const refresh = useRefresh(BULK);
  const { id, status, done, total, outcomes } = operation;
  async function abort() {
    await abortOperation(id);
    await refresh();
  }
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs" mih={30}>
        <Group gap="xs" role="status">
          <OperationStatus status={status} />
          <Text size="sm">
            {count(done, language)} / {count(total, language)}
          </Text>
        </Group>
        {status === "running" && can("tasks:write") && (
          <ActionButton label={t.abort} color="red" act={abort} done={t.aborted} />
        )}
      </Group>
      <OperationBar operation={operation} />
      <Outcomes outcomes={outcomes} left={status === "aborted" ? total - done : 0} />
    </Stack>
  );
}

function Outcomes({ outcomes, left }: { outcomes: Record<string, number>; left: number }) {
  const t = useText(words);
  const { language } = useLanguage();
  const known: readonly string[] = OUTCOMES;
  const others = Object.keys(outcomes).filter((name) => !known.includes(name));
  const names = [...known, ...others].filter((name) => (outcomes[name] ?? 0) > 0);
  return (
    <Group gap="xs" mih={24} role="group" aria-label={t.outcomesOf}>
      {names.map((name) => (
        <Badge key={name} variant="default" tt="none" data-outcome={name}>
          {t.outcomes[name] ?? name} {count(outcomes[name] ?? 0, language)}
        </Badge>
      ))}
      {left > 0 && (
        <Badge variant="default" tt="none">
          {t.left} {count(left, language)}
        </Badge>
      )}
    </Group>
  );
}
