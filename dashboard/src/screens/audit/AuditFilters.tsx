import { Button, Group, NativeSelect, Paper, SimpleGrid, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { fromLocal, toLocal } from "../../lib/local-time";
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
  const [draft, setDraft] = useState(filters);
  // The address may change without this form, as by going back.
  useEffect(() => setDraft(filters), [filters]);
  const change = (part: Partial<Filters>) => setDraft((before) => ({ ...before, ...part }));

  function submit(event: FormEvent) {
    event.preventDefault();
    apply(draft);
  }

  return (
    <Paper withBorder p="sm" component="form" aria-label={t.choose} onSubmit={submit}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="sm" verticalSpacing="xs">
        <TextFilter
          label={t.who}
          placeholder={t.whoHint}
          maxLength={254}
          value={draft.user}
          change={(user) => change({ user })}
        />
        <TextFilter
          label={t.action}
          placeholder="cancelTask"
          maxLength={100}
          value={draft.action}
          change={(action) => change({ action })}
        />
        <TextFilter
          label={t.target}
          placeholder={t.targetHint}
          maxLength={200}
          value={draft.target}
          change={(target) => change({ target })}
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
        <Group gap="xs" align="flex-end">
          <Button type="submit" size="xs">
            {c.apply}
          </Button>
          <Button size="xs" variant="default" onClick={() => apply(NONE)}>
            {c.clear}
          </Button>
        </Group>
      </SimpleGrid>
    </Paper>
  );
}

/** A status that an address names, beside those that can be chosen. */
function otherStatus(status: string): { value: string; label: string }[] {
  const offered: readonly string[] = ["", ...ENDS];
  return offered.includes(status) ? [] : [{ value: status, label: status }];
}

interface TextProps {
  label: string;
  placeholder: string;
  maxLength: number;
  value: string;
  change: (value: string) => void;
}

function TextFilter({ change, ...rest }: TextProps) {
  return <TextInput size="xs" {...rest} onChange={(event) => change(event.currentTarget.value)} />;
}

interface TimeProps {
  label: string;
  /** A time of the API; empty without one. */
  value: string;
  change: (moment: string) => void;
}

function TimeFilter({ label, value, change }: TimeProps) {
  return (
    <TextInput
      size="xs"
      type="datetime-local"
      label={label}
      value={toLocal(value) ?? ""}
      onChange={(event) => change(fromLocal(event.currentTarget.value) ?? "")}
    />
  );
}
