import { Group, Select, TextInput } from "@mantine/core";
import { useFunctionNames } from "../../api/queries";
import { optionsOf } from "../../components/inputs";
import { useDraft } from "../../components/useDraft";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import type { ScheduleFilters } from "./filters";
import { words } from "./text";

interface Props {
  filters: ScheduleFilters;
  change: (some: Partial<ScheduleFilters>) => void;
}

/** What the list is asked for. A name is asked for when it is complete. */
export function FilterBar({ filters, change }: Props) {
  const t = useText(words);
  const c = useText(common);
  const functions = new Set([filters.celery_task_name, ...useFunctionNames()].filter(Boolean));
  const [name, setName] = useDraft(filters.name);
  function rename() {
    if (name.trim() !== filters.name) change({ name: name.trim() });
  }
  return (
    <Group gap="xs" align="flex-end" role="search" aria-label={t.filters}>
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
        value={filters.celery_task_name || null}
        onChange={(path) => change({ celery_task_name: path ?? "" })}
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
          change({ source: (source ?? undefined) as ScheduleFilters["source"] })
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
        onChange={(paused) => change({ paused: paused === null ? undefined : paused === "true" })}
        clearable
      />
    </Group>
  );
}
