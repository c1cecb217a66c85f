import { Autocomplete, NativeSelect, Paper, SimpleGrid, TextInput } from "@mantine/core";
import type { KeyboardEvent } from "react";
import type { Task } from "../../api/types";
import { useDraft } from "../../components/useDraft";
import type { Filters } from "../../lib/address";
import { fromLocal, toLocal } from "../../lib/local-time";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import type { Show } from "./useFilters";
import { useSuggestions } from "./useSuggestions";

interface Props {
  filters: Filters;
  show: Show;
  rows: readonly Task[];
}

const TEXTS = ["celery_task_name", "task_type", "queue", "tag", "owner_ref", "parent_id"] as const;

/** A field for each filter that is not always there. */
export function FilterFields({ filters, show, rows }: Props) {
  const t = useText(words);
  const suggestions = useSuggestions(rows);
  return (
    <Paper withBorder p="sm">
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 5 }} spacing="sm" verticalSpacing="xs">
        {TEXTS.map((name) => (
          <TextFilter
            key={name}
            label={t.names[name]}
            value={filters[name] ?? ""}
            suggestions={suggestions[name] ?? []}
            commit={(value) => show({ ...filters, [name]: value || undefined })}
          />
        ))}
        <PriorityFilter
          value={filters.priority}
          commit={(priority) => show({ ...filters, priority })}
        />
        {(["created_after", "created_before"] as const).map((name) => (
          <TimeFilter
            key={name}
            label={t.names[name]}
            value={filters[name] ?? ""}
            commit={(moment) => show({ ...filters, [name]: moment })}
          />
        ))}
      </SimpleGrid>
    </Paper>
  );
}

interface TextProps {
  label: string;
  value: string;
  suggestions: readonly string[];
  commit: (value: string) => void;
}

/** Exact text: it counts when it is complete, that is with Enter or when the field is left. */
function TextFilter({ label, value, suggestions, commit }: TextProps) {
  const [draft, setDraft] = useDraft(value);
  function done(text: string) {
    if (text.trim() !== value) commit(text.trim());
  }
  return (
    <Autocomplete
      size="xs"
      label={label}
      data={[...suggestions]}
      limit={50}
      value={draft}
      onChange={setDraft}
      onOptionSubmit={done}
      onBlur={() => done(draft)}
      onKeyDown={onEnter(() => done(draft))}
    />
  );
}

interface TimeProps {
  label: string;
  /** A time of the API; empty without one. */
  value: string;
  commit: (moment: string | undefined) => void;
}

function TimeFilter({ label, value, commit }: TimeProps) {
  const shown = toLocal(value) ?? "";
  const [draft, setDraft] = useDraft(shown);
  function done() {
    if (draft !== shown) commit(fromLocal(draft) ?? undefined);
  }
  return (
    <TextInput
      type="datetime-local"
      size="xs"
      label={label}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={done}
      onKeyDown={onEnter(done)}
    />
  );
}

interface PriorityProps {
  value: number | undefined;
  commit: (priority: number | undefined) => void;
}

function PriorityFilter({ value, commit }: PriorityProps) {
  const t = useText(words);
  const c = useText(common);
  const choices = Object.entries(c.priorities).map(([number, label]) => ({ value: number, label }));
  return (
    <NativeSelect
      size="xs"
      label={t.names.priority}
      data={[{ value: "", label: t.any }, ...choices]}
      value={value === undefined ? "" : String(value)}
      onChange={(event) => commit(Number(event.currentTarget.value) || undefined)}
    />
  );
}

function onEnter(act: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key === "Enter") act();
  };
}
