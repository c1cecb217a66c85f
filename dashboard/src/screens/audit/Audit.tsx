import { IconHistory } from "@tabler/icons-react";
import { useState } from "react";
import type { AuditEntry } from "../../api/types";
import { NoMatch } from "../../components/NoMatch";
import { Page } from "../../components/Page";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { useAddress } from "../../components/useAddress";
import { useText } from "../../text/language";
import { AuditFilters } from "./AuditFilters";
import { AuditTable } from "./AuditTable";
import { EntryDialog } from "./EntryDialog";
import { readAuditFilters } from "./filters";
import { words } from "./text";
import { useEntries } from "./useEntries";

/** Who did what, when, from where, and how it ended. */
export default function Audit() {
  const t = useText(words);
  const { filters, question, apply, clear } = useAddress(readAuditFilters);
  const pages = usePages(question);
  const query = useEntries(filters, pages.cursor);
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const empty =
    question === "" ? (
      <Empty title={t.nothing} icon={<IconHistory size={40} aria-hidden />}>
        {t.nothingHelp}
      </Empty>
    ) : (
      <NoMatch title={t.noMatch} clear={clear} />
    );
  return (
    <Page title={t.title} about={t.about}>
      <AuditFilters filters={filters} apply={apply} />
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => <AuditTable rows={rows} open={setOpen} />}
      </PagedList>
      <EntryDialog entry={open} onClose={() => setOpen(null)} />
    </Page>
  );
}
