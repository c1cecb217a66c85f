import { Button, Group } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import type { Filters } from "../../lib/address";
import { clip, local } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { type FilterLine, type FilterName, filterLines } from "./filter-lines";
import { words } from "./text";
import type { Show } from "./useFilters";

/** The filters that stand in fields of their own: neither the status nor the name. */
export function fieldFilters(filters: Filters): readonly string[] {
  const { status: _status, q: _q, ...rest } = filters;
  return Object.keys(rest).filter((name) => rest[name as keyof typeof rest] !== undefined);
}

/** Filters in words, in the chosen language. */
export function useFilterLines(
  filters: Readonly<Partial<Record<FilterName, unknown>>>,
): readonly FilterLine[] {
  const c = useText(common);
  const { language } = useLanguage();
  return filterLines(filters, {
    statuses: c.statuses,
    priorities: c.priorities,
    time: (moment) => local(moment, language),
  });
}

/** What restricts the list, each with a way to be rid of it, whether its field is open or not. */
export function ActiveFilters({ filters, show }: { filters: Filters; show: Show }) {
  const t = useText(words);
  const lines = useFilterLines({ ...filters, status: undefined, q: undefined });
  if (lines.length === 0) return null;
  return (
    <Group gap={6}>
      {lines.map(({ name, value }) => (
        <Button
          key={name}
          size="compact-xs"
          variant="light"
          maw="100%"
          aria-label={t.removeFilter(`${t.names[name]} ${clip(value, 100)}`)}
          title={clip(value, 300)}
          rightSection={<IconX size={12} aria-hidden />}
          onClick={() => show({ ...filters, [name]: undefined })}
        >
          <span className="one-line">
            {t.names[name]}: {clip(value, 60)}
          </span>
        </Button>
      ))}
      <Button size="compact-xs" variant="subtle" onClick={() => show({ status: [] })}>
        {t.clearFilters}
      </Button>
    </Group>
  );
}
