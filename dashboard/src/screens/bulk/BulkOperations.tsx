import { Button, SegmentedControl } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { Link } from "wouter";
import { useSession } from "../../api/session";
import type { BulkOperation } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { NoMatch } from "../../components/NoMatch";
import { Page } from "../../components/Page";
import { PagedList, usePages } from "../../components/Pages";
import { RowLink } from "../../components/RowLink";
import { Empty } from "../../components/states";
import { UserName } from "../../components/UserName";
import { useChoice } from "../../components/useAddress";
import { When } from "../../components/When";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { FilterWords } from "./FilterWords";
import { OperationBar, OperationStatus } from "./OperationProgress";
import { useOperations } from "./operations";
import { words } from "./text";

const STATUSES = ["running", "finished", "aborted"] as const;

/** Orders about many tasks, newest first. */
export default function BulkOperations() {
  const t = useText(words);
  const c = useText(common);
  const columns = useColumns();
  const [status, choose] = useChoice("status", STATUSES);
  const pages = usePages(status ?? "");
  const query = useOperations(status, pages.cursor);
  const empty =
    status === null ? <NoOperations /> : <NoMatch title={t.noMatch} clear={() => choose("")} />;
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
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => (
          <DataTable label={t.list} columns={columns} rows={rows} keyOf={(each) => each.id} />
        )}
      </PagedList>
    </Page>
  );
}

function NoOperations() {
  const t = useText(words);
  const action = (
    <Button size="xs" variant="default" component={Link} href="/tasks">
      {t.toTasks}
    </Button>
  );
  return (
    <Empty title={t.none} icon={<IconStack2 size={40} aria-hidden />} action={action}>
      {t.noneHint}
    </Empty>
  );
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
      cell: ({ id, action }) => <RowLink text={t.actions[action]} href={`/bulk/${id}`} />,
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
