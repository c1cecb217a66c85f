import { Group, Select, TextInput } from "@mantine/core";
import { optionsOf } from "../../components/arguments/TaskFields";
import { useTaskTypes } from "../../components/arguments/task-types";
import { useStateOf } from "../../components/useStateOf";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import type { ScheduleFilters } from "./filters";
import { words } from "./text";

interface Props {
  filters: ScheduleFilters;
  onChange: (filters: ScheduleFilters) => void;
}

/** What the list is asked for. A name is asked for when it is complete. */
export function FilterBar({ filters, onChange }: Props) {
  const t = useText(words);
  const c = useText(common);
  const types = useTaskTypes();
  const functions = new Set(types.data?.map((type) => type.name));
  if (filters.celery_task_name) functions.add(filters.celery_task_name);
  const known = filters.name ?? "";
  const [name, setName] = useStateOf(known, known);
  function rename() {
    if (name.trim() !== known) onChange({ ...filters, name: name.trim() || undefined });
  }
  return (
    <Group gap="sm" align="flex-end" role="search" aria-label={t.filters}>
      <TextInput
        className="shrinks"
        size="xs"
        label={t.nameFilter}
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        onBlur={rename}
        onKeyDown={(event) => event.key === "Enter" && rename()}
      />
      <Select
        className="shrinks"
        size="xs"
        label={c.function}
        placeholder={c.all}
        data={[...functions]}
        value={filters.celery_task_name ?? null}
        onChange={(path) => onChange({ ...filters, celery_task_name: path ?? undefined })}
        searchable
        clearable
      />
      <Select
        w={130}
        size="xs"
        label={t.source}
        placeholder={c.all}
        data={optionsOf(t.sources)}
        value={filters.source ?? null}
        onChange={(source) =>
          onChange({ ...filters, source: (source ?? undefined) as ScheduleFilters["source"] })
        }
        clearable
      />
      <Select
        w={130}
        size="xs"
        label={t.state}
        placeholder={c.all}
        data={optionsOf(t.states)}
        value={filters.paused === undefined ? null : String(filters.paused)}
        onChange={(paused) =>
          onChange({ ...filters, paused: paused === null ? undefined : paused === "true" })
        }
        clearable
      />
    </Group>
  );
}
