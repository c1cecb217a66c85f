import { Button } from "@mantine/core";
import { IconCalendarTime, IconPlus } from "@tabler/icons-react";
import { Link, useSearchParams } from "wouter";
import { useCan } from "../../api/session";
import { Page } from "../../components/Page";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty, Failed } from "../../components/states";
import { useText } from "../../text/language";
import { FilterBar } from "./FilterBar";
import { readFilters, type ScheduleFilters, writeFilters } from "./filters";
import { useSchedules } from "./queries";
import { ScheduleTable } from "./ScheduleTable";
import { words } from "./text";

/** All schedules that one may see: when they fire, whether they are held back. */
export default function Schedules() {
  const t = useText(words);
  const can = useCan();
  const [address, setAddress] = useSearchParams();
  const filters = readFilters(address);
  return (
    <Page title={t.title} about={t.about} actions={can("tasks:write") && <NewButton />}>
      <FilterBar
        filters={filters}
        onChange={(next) => setAddress(writeFilters(next), { replace: true })}
      />
      <List filters={filters} />
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

function List({ filters }: { filters: ScheduleFilters }) {
  const pages = usePages(writeFilters(filters).toString());
  const query = useSchedules(filters, pages.cursor);
  return (
    <Answer query={query}>
      {({ rows, next }) => (
        <>
          {query.isError && <Failed error={query.error} />}
          {rows.length > 0 ? <ScheduleTable rows={rows} /> : <Nothing filters={filters} />}
          <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
        </>
      )}
    </Answer>
  );
}

function Nothing({ filters }: { filters: ScheduleFilters }) {
  const t = useText(words);
  const can = useCan();
  const isFiltered = writeFilters(filters).size > 0;
  return (
    <Empty
      title={isFiltered ? t.emptyFiltered : t.empty}
      icon={<IconCalendarTime size={32} aria-hidden />}
      action={!isFiltered && can("tasks:write") && <NewButton />}
    >
      {isFiltered ? t.emptyFilteredAbout : t.emptyAbout}
    </Empty>
  );
}
