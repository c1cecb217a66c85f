import { Button } from "@mantine/core";
import { IconMoodSmile, IconSearchOff } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import type { ErrorGroup } from "../../api/types";
import { Page } from "../../components/Page";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty } from "../../components/states";
import { useText } from "../../text/language";
import {
  type GroupFilters as Filters,
  isNarrow,
  readGroupFilters,
  writeGroupFilters,
} from "./filters";
import { GroupFilters } from "./GroupFilters";
import { GroupTable } from "./GroupTable";
import { RetryAll } from "./RetryAll";
import { words } from "./text";
import { useFreshGroups, useGroups } from "./useGroups";

/** What has failed, the same failure once. */
export default function Failures() {
  const t = useText(words);
  const [address, setAddress] = useSearchParams();
  const filters = useMemo(() => readGroupFilters(address), [address]);
  useFreshGroups();

  function change(some: Partial<Filters>) {
    setAddress((now) => writeGroupFilters({ ...readGroupFilters(now), ...some }), {
      replace: true,
    });
  }

  return (
    <Page title={t.title} about={t.about}>
      <GroupFilters filters={filters} change={change} />
      <Groups filters={filters} clear={() => setAddress("", { replace: true })} />
    </Page>
  );
}

interface GroupsProps {
  filters: Filters;
  /** Takes all filters away. */
  clear: () => void;
}

function Groups({ filters, clear }: GroupsProps) {
  const pages = usePages(writeGroupFilters(filters).toString());
  const query = useGroups(filters, pages.cursor);
  const [retried, setRetried] = useState<ErrorGroup | null>(null);
  return (
    <>
      <Answer query={query}>
        {({ rows, next }) => (
          <>
            {rows.length > 0 ? (
              <GroupTable groups={rows} askRetry={setRetried} />
            ) : (
              <NoGroups filters={filters} clear={clear} />
            )}
            <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
          </>
        )}
      </Answer>
      {retried && <RetryAll key={retried.id} group={retried} onClose={() => setRetried(null)} />}
    </>
  );
}

function NoGroups({ filters, clear }: GroupsProps) {
  const t = useText(words);
  if (isNarrow(filters)) {
    return (
      <Empty
        title={t.noMatch}
        icon={<IconSearchOff size={40} aria-hidden />}
        action={
          <Button size="xs" variant="default" onClick={clear}>
            {t.showOpen}
          </Button>
        }
      >
        {t.noMatchHelp}
      </Empty>
    );
  }
  return (
    <Empty
      title={filters.state === "open" ? t.nothingOpen : t.nothing}
      icon={<IconMoodSmile size={40} aria-hidden />}
    >
      {t.nothingHelp}
    </Empty>
  );
}
