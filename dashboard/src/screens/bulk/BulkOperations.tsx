import { Anchor, Button, SegmentedControl, Stack } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { Link, useSearchParams } from "wouter";
import { useSession } from "../../api/session";
import type { BulkOperation } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { Page } from "../../components/Page";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty } from "../../components/states";
import { UserName } from "../../components/UserName";
import { When } from "../../components/When";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { FilterWords } from "./FilterWords";
import { OperationBar, OperationStatus } from "./OperationProgress";
import { useOperations } from "./operations";
import { words } from "./text";

const STATUSES = ["running", "finished", "aborted"] as const;
type Status = (typeof STATUSES)[number];

/** Orders about many tasks, newest first. */
export default function BulkOperations() {
  const t = useText(words);
  const c = useText(common);
  const [status, choose] = useStatus();
  const pages = usePages(status ?? "");
  const list = useOperations(status, pages.cursor);
  return (
    <Page title={t.title} about={t.about}>
      <SegmentedControl<string>
        size="xs"
        aria-label={c.status}
        maw="max-content"
        value={status ?? ""}
        onChange={choose}
        data={[
          { value: "", label: c.all },
          ...STATUSES.map((value) => ({ value, label: t.statuses[value] })),
        ]}
      />
      <Answer query={list}>
        {({ rows, next }) =>
          rows.length === 0 ? (
            <NoOperations filtered={status !== null || pages.number > 1} />
          ) : (
            <Stack gap="xs">
              <OperationTable operations={rows} />
              <PageButtons pages={pages} next={next} busy={list.isPlaceholderData} />
            </Stack>
          )
        }
      </Answer>
    </Page>
  );
}

function useStatus(): [Status | null, (status: string) => void] {
  const [address, setAddress] = useSearchParams();
  const status = STATUSES.find((each) => each === address.get("status")) ?? null;
  return [status, (next) => setAddress(new URLSearchParams(next && { status: next }))];
}

function NoOperations({ filtered }: { filtered: boolean }) {
  const t = useText(words);
  const icon = <IconStack2 size={40} aria-hidden />;
  if (filtered) return <Empty title={t.noMatch} icon={icon} />;
  const action = (
    <Button size="xs" variant="default" component={Link} href="/tasks">
      {t.toTasks}
    </Button>
  );
  return (
    <Empty title={t.none} icon={icon} action={action}>
      {t.noneHint}
    </Empty>
  );
}

function OperationTable({ operations }: { operations: readonly BulkOperation[] }) {
  const t = useText(words);
  const columns = useColumns();
  return <DataTable label={t.list} columns={columns} rows={operations} keyOf={(each) => each.id} />;
}

function useColumns(): readonly Column<BulkOperation>[] {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const { role } = useSession();
  const said = (tasks: number) => count(tasks, language);
  const by: Column<BulkOperation> = {
    key: "by",
    header: t.by,
    width: 170,
    from: "lg",
    cell: (operation) => <UserName id={operation.user_id} />,
  };
  return [
    {
      key: "action",
      header: t.action,
      width: 110,
      cell: ({ id, action }) => (
        <Anchor component={Link} href={`/bulk/${id}`}>
          {t.actions[action]}
        </Anchor>
      ),
    },
    {
      key: "scope",
      header: t.scope,
      from: "sm",
      cell: ({ filter }) => <FilterWords filter={filter} short />,
    },
    {
      key: "status",
      header: c.status,
      width: 108,
      cell: ({ status }) => <OperationStatus status={status} />,
    },
    {
      key: "bar",
      header: c.progress,
      width: 120,
      from: "md",
      cell: (operation) => <OperationBar operation={operation} />,
    },
    {
      key: "done",
      header: t.done,
      align: "right",
      width: 110,
      cell: ({ done, total }) => (done === total ? said(total) : `${said(done)} / ${said(total)}`),
    },
    {
      key: "created",
      header: c.created,
      width: 116,
      from: "sm",
      cell: ({ created_at: at }) => <When at={at} />,
    },
    ...(role === "user" ? [] : [by]),
  ];
}
