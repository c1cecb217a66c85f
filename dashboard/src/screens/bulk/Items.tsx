import { Badge, Group, NativeSelect, Stack, Title } from "@mantine/core";
import type { BulkItem, BulkOperation } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { useChoice } from "../../components/useAddress";
import { clip, count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { OUTCOMES, type Outcome, useItems } from "./operations";
import { words } from "./text";

/** What came of each task, page by page, and of those with one outcome. */
export function Items({ operation }: { operation: BulkOperation }) {
  const t = useText(words);
  const [outcome, choose] = useChoice("outcome", OUTCOMES);
  const pages = usePages(outcome ?? "");
  const query = useItems(operation.id, outcome, pages.cursor, operation.status === "running");
  const columns = useColumns(operation);
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h5">
          {t.items}
        </Title>
        <OutcomeSelect operation={operation} outcome={outcome} choose={choose} />
      </Group>
      <PagedList query={query} pages={pages} empty={<Empty title={t.noItems} />}>
        {(rows) => (
          <DataTable label={t.items} columns={columns} rows={rows} keyOf={(item) => item.task_id} />
        )}
      </PagedList>
    </Stack>
  );
}

interface SelectProps {
  operation: BulkOperation;
  outcome: Outcome | null;
  choose: (outcome: string) => void;
}

/** Only what has come of some task can be chosen. */
function OutcomeSelect({ operation, outcome, choose }: SelectProps) {
  const t = useText(words);
  const { language } = useLanguage();
  const { outcomes } = operation;
  const names = OUTCOMES.filter((name) => name === outcome || (outcomes[name] ?? 0) > 0);
  const choices = names.map((name) => ({
    value: name,
    label: `${t.outcomes[name]} (${count(outcomes[name] ?? 0, language)})`,
  }));
  return (
    <NativeSelect
      size="xs"
      aria-label={t.outcome}
      data={[{ value: "", label: t.allOutcomes }, ...choices]}
      value={outcome ?? ""}
      onChange={(event) => choose(event.currentTarget.value)}
    />
  );
}

function useColumns(operation: BulkOperation): readonly Column<BulkItem>[] {
  const t = useText(words);
  const c = useText(common);
  const retried: Column<BulkItem> = {
    key: "new",
    header: t.newTask,
    from: "sm",
    cell: ({ new_task_id: id }) => (id === null ? "–" : <TaskLink id={id} />),
  };
  return [
    { key: "task", header: c.task, cell: (item) => <ItemTask item={item} /> },
    {
      key: "outcome",
      header: t.outcome,
      width: 150,
      cell: (item) => <ItemOutcome item={item} over={operation.status !== "running"} />,
    },
    ...(operation.action === "retry" ? [retried] : []),
    {
      key: "reason",
      header: c.reason,
      from: "md",
      cell: ({ reason }) => <OneLine text={reason ?? "–"} />,
    },
  ];
}

/** A link, where the task may still be there. */
function ItemTask({ item }: { item: BulkItem }) {
  if (item.outcome !== "deleted" && item.outcome !== "not_found") {
    return <TaskLink id={item.task_id} />;
  }
  return <OneLine text={item.task_id} c="dimmed" />;
}

function ItemOutcome({ item, over }: { item: BulkItem; over: boolean }) {
  const t = useText(words);
  const waiting = over ? t.left : t.waiting;
  const said = item.outcome === null ? waiting : (t.outcomes[item.outcome] ?? item.outcome);
  return (
    <Badge variant="default" tt="none" maw="100%" title={clip(item.reason ?? said, 300)}>
      {said}
    </Badge>
  );
}
