import { Badge, Button, Chip, Group, Kbd, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconFilter, IconSearch } from "@tabler/icons-react";
import { useRef } from "react";
import type { Task, TaskStatus } from "../../api/types";
import { useTyped } from "../../components/useDraft";
import { useKeys } from "../../layout/useKeys";
import { type Filters, STATUSES } from "../../lib/address";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { ActiveFilters, fieldFilters } from "./ActiveFilters";
import { FilterFields } from "./FilterFields";
import { words } from "./text";
import type { Show } from "./useFilters";

const LONGEST = 200;

interface Props {
  filters: Filters;
  show: Show;
  counts: Partial<Record<TaskStatus, number>>;
  /** The rows that are shown: what they have can be filtered by. */
  rows: readonly Task[];
}

/** By what the list is filtered: the name and the status at once, the rest when it is opened. */
export function FilterBar({ filters, show, counts, rows }: Props) {
  const t = useText(words);
  const [open, { toggle }] = useDisclosure(false);
  const active = fieldFilters(filters).length;
  return (
    <Stack gap="xs" role="search" aria-label={t.filters}>
      <Group gap="sm">
        <Search value={filters.q ?? ""} commit={(q) => show({ ...filters, q }, true)} />
        <StatusChips
          chosen={filters.status}
          counts={counts}
          choose={(status) => show({ ...filters, status })}
        />
        <Button
          size="xs"
          variant="default"
          aria-expanded={open}
          leftSection={<IconFilter size={14} aria-hidden />}
          rightSection={
            active > 0 && (
              <Badge size="xs" circle>
                {active}
              </Badge>
            )
          }
          onClick={toggle}
        >
          {t.filters}
        </Button>
      </Group>
      {open && <FilterFields filters={filters} show={show} rows={rows} />}
      <ActiveFilters filters={filters} show={show} />
    </Stack>
  );
}

/** Part of the name; it is looked for when the typing stops. */
function Search({ value, commit }: { value: string; commit: (q: string) => void }) {
  const t = useText(words);
  const field = useRef<HTMLInputElement>(null);
  const [typed, type] = useTyped(value, (text) => commit(text.trim()));
  useKeys({ "/": () => field.current?.focus() });
  return (
    <TextInput
      ref={field}
      type="search"
      size="xs"
      className="shrinks"
      maw={320}
      aria-label={t.search}
      placeholder={t.searchHint}
      maxLength={LONGEST}
      value={typed}
      onChange={(event) => type(event.currentTarget.value)}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={typed === "" ? <Kbd size="xs">/</Kbd> : null}
      rightSectionPointerEvents="none"
    />
  );
}

interface ChipsProps {
  chosen: readonly string[];
  counts: Partial<Record<TaskStatus, number>>;
  choose: (statuses: readonly string[]) => void;
}

function StatusChips({ chosen, counts, choose }: ChipsProps) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  return (
    <Group gap={6} role="group" aria-label={t.statuses}>
      <Chip.Group multiple value={[...chosen]} onChange={choose}>
        {STATUSES.map((status) => (
          <Chip key={status} value={status} size="xs" variant="light">
            {c.statuses[status]}{" "}
            {/* As wide without a number: the chips stay where they are when it comes. */}
            <Text component="span" size="xs" display="inline-block" miw="3ch" ta="right">
              {counts[status] === undefined ? "" : count(counts[status], language)}
            </Text>
          </Chip>
        ))}
      </Chip.Group>
    </Group>
  );
}
