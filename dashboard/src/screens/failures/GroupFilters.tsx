import { Autocomplete, Group, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useFunctionNames } from "../../components/useFunctionNames";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { type GroupFilters as Filters, type GroupState, STATES } from "./filters";
import { words } from "./text";

/** How long after the last key the list is asked anew. */
const TYPING_MS = 400;
/** Suggestions shown at a time. */
const SUGGESTED = 50;

interface Props {
  filters: Filters;
  change: (some: Partial<Filters>) => void;
}

/** What the list of failures shows. */
export function GroupFilters({ filters, change }: Props) {
  const t = useText(words);
  const c = useText(common);
  const names = useFunctionNames();
  const text = useTyped(filters.q, (q) => change({ q }));
  const type = useTyped(filters.type, (next) => change({ type: next }));
  const name = useTyped(filters.celery_task_name, (next) => change({ celery_task_name: next }));
  return (
    <Group gap="xs" align="flex-end" role="search">
      <SegmentedControl
        aria-label={t.state}
        size="xs"
        data={STATES.map((each) => ({ value: each, label: t.states[each] }))}
        value={filters.state}
        onChange={(state) => change({ state: state as GroupState })}
      />
      <TextInput
        className="shrinks"
        size="xs"
        label={t.search}
        placeholder={t.searchHint}
        leftSection={<IconSearch size={14} aria-hidden />}
        maxLength={200}
        value={text.typed}
        onChange={(event) => text.type(event.currentTarget.value)}
      />
      <TextInput
        className="shrinks"
        size="xs"
        label={t.errorType}
        placeholder="ValueError"
        maxLength={200}
        value={type.typed}
        onChange={(event) => type.type(event.currentTarget.value)}
      />
      <Autocomplete
        className="shrinks"
        size="xs"
        label={c.function}
        data={names}
        limit={SUGGESTED}
        maxLength={255}
        value={name.typed}
        onChange={name.type}
      />
    </Group>
  );
}

/** A text that is told on a moment after it was typed, and that follows the address. */
function useTyped(value: string, change: (next: string) => void) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  if (value !== known) {
    setKnown(value);
    if (value !== typed.trim()) setTyped(value);
  }
  const later = useDebouncedCallback(change, TYPING_MS);
  const type = (next: string) => {
    setTyped(next);
    later(next);
  };
  return { typed, type };
}
