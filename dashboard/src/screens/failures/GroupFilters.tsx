import { Group, SegmentedControl, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { FunctionInput } from "../../components/inputs";
import { useTyped } from "../../components/useDraft";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { type GroupFilters as Filters, type GroupState, STATES } from "./filters";
import { words } from "./text";

interface Props {
  filters: Filters;
  change: (some: Partial<Filters>) => void;
}

/** What the list of failures shows. */
export function GroupFilters({ filters, change }: Props) {
  const t = useText(words);
  const c = useText(common);
  const [q, typeQ] = useTyped(filters.q, (next) => change({ q: next }));
  const [type, typeType] = useTyped(filters.type, (next) => change({ type: next }));
  const [name, typeName] = useTyped(filters.celery_task_name, (next) =>
    change({ celery_task_name: next }),
  );
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
        value={q}
        onChange={(event) => typeQ(event.currentTarget.value)}
      />
      <TextInput
        className="shrinks"
        size="xs"
        label={t.errorType}
        placeholder="ValueError"
        maxLength={200}
        value={type}
        onChange={(event) => typeType(event.currentTarget.value)}
      />
      <FunctionInput
        className="shrinks"
        size="xs"
        label={c.function}
        value={name}
        onChange={typeName}
      />
    </Group>
  );
}
