import { NativeSelect } from "@mantine/core";
import { FilterForm, TimeFilter } from "../../components/FilterForm";
import { Line } from "../../components/inputs";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { ENDS, type AuditFilters as Filters, readAuditFilters, VIAS } from "./filters";
import { words } from "./text";

const NONE = readAuditFilters(new URLSearchParams());

interface Props {
  filters: Filters;
  apply: (filters: Filters) => void;
}

/** Which entries are shown: whose, which actions, how they ended, of which time. */
export function AuditFilters({ filters, apply }: Props) {
  const t = useText(words);
  const c = useText(common);
  return (
    <FilterForm label={t.choose} filters={filters} none={NONE} apply={apply}>
      {(draft, change) => (
        <>
          <Line
            size="xs"
            label={t.who}
            placeholder={t.whoHint}
            maxLength={254}
            value={draft.user}
            onText={(user) => change({ user })}
          />
          <Line
            size="xs"
            label={t.action}
            placeholder="cancelTask"
            maxLength={100}
            value={draft.action}
            onText={(action) => change({ action })}
          />
          <Line
            size="xs"
            label={t.target}
            placeholder={t.targetHint}
            maxLength={200}
            value={draft.target}
            onText={(target) => change({ target })}
          />
          <NativeSelect
            size="xs"
            label={t.via}
            data={[
              { value: "", label: c.all },
              ...VIAS.map((value) => ({ value, label: t.vias[value] })),
            ]}
            value={draft.via}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              change({ via: VIAS.find((each) => each === chosen) ?? "" });
            }}
          />
          <NativeSelect
            size="xs"
            label={t.end}
            data={[
              { value: "", label: c.all },
              ...ENDS.map((value) => ({ value, label: t.ends[value] })),
              ...otherStatus(draft.status),
            ]}
            value={draft.status}
            onChange={(event) => change({ status: event.currentTarget.value })}
          />
          <TimeFilter label={c.from} value={draft.from} change={(from) => change({ from })} />
          <TimeFilter label={c.to} value={draft.to} change={(to) => change({ to })} />
        </>
      )}
    </FilterForm>
  );
}

/** A status that an address names, beside those that can be chosen. */
function otherStatus(status: string): { value: string; label: string }[] {
  const offered: readonly string[] = ["", ...ENDS];
  return offered.includes(status) ? [] : [{ value: status, label: status }];
}
