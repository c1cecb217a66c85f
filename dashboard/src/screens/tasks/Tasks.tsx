import { Page } from "../../components/Page";
import { usePages } from "../../components/Pages";
import { Answer } from "../../components/states";
import { useStateOf } from "../../components/useStateOf";
import { writeFilters } from "../../lib/address";
import { useText } from "../../text/language";
import { ColumnsMenu, useColumns } from "./ColumnsMenu";
import { FilterBar } from "./FilterBar";
import { NOTHING } from "./selection";
import { TaskRows } from "./TaskRows";
import { words } from "./text";
import { useFilters } from "./useFilters";
import { useCounts, useTaskPage } from "./useTasks";
import { ViewsMenu } from "./ViewsMenu";

/** The tasks that match the filters of the address. */
export default function Tasks() {
  const t = useText(words);
  const [filters, show] = useFilters();
  const question = writeFilters(filters).toString();
  const pages = usePages(question);
  const list = useTaskPage(filters, pages.cursor);
  const counts = useCounts(filters);
  const [columns, chooseColumns] = useColumns();
  const [selection, select] = useStateOf(question, NOTHING);
  return (
    <Page
      title={t.title}
      actions={
        <>
          <ViewsMenu filters={filters} show={show} />
          <ColumnsMenu columns={columns} choose={chooseColumns} />
        </>
      }
    >
      <FilterBar
        filters={filters}
        show={show}
        counts={counts.byStatus}
        rows={list.data?.rows ?? []}
      />
      <Answer query={list} lines={12}>
        {(page) => (
          <TaskRows
            filters={filters}
            show={show}
            page={page}
            old={list.isPlaceholderData}
            pages={pages}
            total={counts.total}
            columns={columns}
            selection={selection}
            select={select}
          />
        )}
      </Answer>
    </Page>
  );
}
