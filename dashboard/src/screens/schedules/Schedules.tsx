import { Button } from "@mantine/core";
import { IconCalendarTime, IconPlus } from "@tabler/icons-react";
import { Link } from "wouter";
import { useCan } from "../../api/session";
import { NoMatch } from "../../components/NoMatch";
import { Page } from "../../components/Page";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { useAddress } from "../../components/useAddress";
import { useText } from "../../text/language";
import { FilterBar } from "./FilterBar";
import { readFilters } from "./filters";
import { useSchedules } from "./queries";
import { ScheduleTable } from "./ScheduleTable";
import { words } from "./text";

/** All schedules that one may see: when they fire, whether they are held back. */
export default function Schedules() {
  const t = useText(words);
  const can = useCan();
  const { filters, question, change, clear } = useAddress(readFilters);
  const pages = usePages(question);
  const query = useSchedules(filters, pages.cursor);
  const button = can("tasks:write") && <NewButton />;
  const empty =
    question === "" ? (
      <Empty title={t.empty} icon={<IconCalendarTime size={40} aria-hidden />} action={button}>
        {t.emptyAbout}
      </Empty>
    ) : (
      <NoMatch title={t.emptyFiltered} clear={clear}>
        {t.emptyFilteredAbout}
      </NoMatch>
    );
  return (
    <Page title={t.title} about={t.about} actions={button}>
      <FilterBar filters={filters} change={change} />
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => <ScheduleTable rows={rows} />}
      </PagedList>
    </Page>
  );
}

function NewButton() {
  const t = useText(words);
  return (
    <Button
      component={Link}
      href="/schedules/new"
      size="xs"
      leftSection={<IconPlus size={14} aria-hidden />}
    >
      {t.new}
    </Button>
  );
}
