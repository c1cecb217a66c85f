import { Button, Group, Paper, SimpleGrid, Text } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { fromLocal, toLocal } from "../lib/local-time";
import { common } from "../text/common";
import { useText } from "../text/language";
import { Line } from "./inputs";
import { useStateOf } from "./useStateOf";

interface Props<Filters> {
  label: string;
  /** What is asked for now. */
  filters: Filters;
  /** What asks for nothing in particular. */
  none: Filters;
  apply: (filters: Filters) => void;
  /** Below the fields. */
  about?: string;
  children: (draft: Filters, change: (some: Partial<Filters>) => void) => ReactNode;
}

/** Many filters, asked for together: where an answer costs much, or one field needs the others. */
export function FilterForm<Filters extends object>(props: Props<Filters>) {
  const { label, filters, none, apply, about, children } = props;
  const c = useText(common);
  // The address may change without this form, as by going back.
  const [draft, setDraft] = useStateOf(JSON.stringify(filters), filters);

  function submit(event: FormEvent) {
    event.preventDefault();
    apply(draft);
  }

  function clear() {
    setDraft(none);
    apply(none);
  }

  return (
    <Paper withBorder p="sm" component="form" aria-label={label} onSubmit={submit}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="sm" verticalSpacing="xs">
        {children(draft, (some) => setDraft({ ...draft, ...some }))}
        <Group gap="xs" align="flex-end">
          <Button type="submit" size="xs">
            {c.apply}
          </Button>
          <Button size="xs" variant="default" onClick={clear}>
            {c.clear}
          </Button>
        </Group>
      </SimpleGrid>
      {about && (
        <Text size="xs" c="dimmed" mt="xs">
          {about}
        </Text>
      )}
    </Paper>
  );
}

interface TimeProps {
  label: string;
  /** A time of the API; empty without one. */
  value: string;
  change: (moment: string) => void;
}

/** A time, by the viewer's clock. */
export function TimeFilter({ label, value, change }: TimeProps) {
  return (
    <Line
      size="xs"
      type="datetime-local"
      label={label}
      value={toLocal(value) ?? ""}
      onText={(typed) => change(fromLocal(typed) ?? "")}
    />
  );
}
