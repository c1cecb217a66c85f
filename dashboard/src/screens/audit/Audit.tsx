import { Button } from "@mantine/core";
import { IconHistory, IconSearchOff } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import type { AuditEntry } from "../../api/types";
import { Page } from "../../components/Page";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty } from "../../components/states";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { AuditFilters } from "./AuditFilters";
import { AuditTable } from "./AuditTable";
import { EntryDialog } from "./EntryDialog";
import {
  type AuditFilters as Filters,
  isNarrow,
  readAuditFilters,
  writeAuditFilters,
} from "./filters";
import { words } from "./text";
import { useEntries } from "./useEntries";

/** Who did what, when, from where, and how it ended. */
export default function Audit() {
  const t = useText(words);
  const [address, setAddress] = useSearchParams();
  const filters = useMemo(() => readAuditFilters(address), [address]);
  return (
    <Page title={t.title} about={t.about}>
      <AuditFilters filters={filters} apply={(next) => setAddress(writeAuditFilters(next))} />
      <Entries filters={filters} clear={() => setAddress("")} />
    </Page>
  );
}

interface EntriesProps {
  filters: Filters;
  /** Takes all filters away. */
  clear: () => void;
}

function Entries({ filters, clear }: EntriesProps) {
  const pages = usePages(writeAuditFilters(filters).toString());
  const query = useEntries(filters, pages.cursor);
  const [open, setOpen] = useState<AuditEntry | null>(null);
  return (
    <>
      <Answer query={query}>
        {({ rows, next }) => (
          <>
            {rows.length > 0 ? (
              <AuditTable rows={rows} open={setOpen} />
            ) : (
              <NoEntries filters={filters} clear={clear} />
            )}
            <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
          </>
        )}
      </Answer>
      <EntryDialog entry={open} onClose={() => setOpen(null)} />
    </>
  );
}

function NoEntries({ filters, clear }: EntriesProps) {
  const t = useText(words);
  const c = useText(common);
  if (!isNarrow(filters)) {
    return (
      <Empty title={t.nothing} icon={<IconHistory size={40} aria-hidden />}>
        {t.nothingHelp}
      </Empty>
    );
  }
  return (
    <Empty
      title={t.noMatch}
      icon={<IconSearchOff size={40} aria-hidden />}
      action={
        <Button size="xs" variant="default" onClick={clear}>
          {c.clear}
        </Button>
      }
    />
  );
}
