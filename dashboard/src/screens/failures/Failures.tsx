import { IconMoodSmile } from "@tabler/icons-react";
import { useState } from "react";
import type { ErrorGroup } from "../../api/types";
import { NoMatch } from "../../components/NoMatch";
import { Page } from "../../components/Page";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { useAddress } from "../../components/useAddress";
import { useText } from "../../text/language";
import { isNarrow, readGroupFilters, writeGroupFilters } from "./filters";
import { GroupFilters } from "./GroupFilters";
import { GroupTable } from "./GroupTable";
import { RetryAll } from "./RetryAll";
import { words } from "./text";
import { useFreshGroups, useGroups } from "./useGroups";

/** What has failed, the same failure once. */
export default function Failures() {
  const t = useText(words);
  const { filters, question, change, clear } = useAddress(readGroupFilters, writeGroupFilters);
  const pages = usePages(question);
  const query = useGroups(filters, pages.cursor);
  const [retried, setRetried] = useState<ErrorGroup | null>(null);
  useFreshGroups();
  const empty = isNarrow(filters) ? (
    <NoMatch title={t.noMatch} label={t.showOpen} clear={clear}>
      {t.noMatchHelp}
    </NoMatch>
  ) : (
    <Empty
      title={filters.state === "open" ? t.nothingOpen : t.nothing}
      icon={<IconMoodSmile size={40} aria-hidden />}
    >
      {t.nothingHelp}
    </Empty>
  );
  return (
    <Page title={t.title} about={t.about}>
      <GroupFilters filters={filters} change={change} />
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => <GroupTable groups={rows} askRetry={setRetried} />}
      </PagedList>
      {retried && <RetryAll key={retried.id} group={retried} onClose={() => setRetried(null)} />}
    </Page>
  );
}
