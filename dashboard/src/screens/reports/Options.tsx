import {
  Autocomplete,
  Button,
  Group,
  NativeSelect,
  Paper,
  SimpleGrid,
  Text,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useFunctionNames } from "../../components/useFunctionNames";
import { fromLocal, toLocal } from "../../lib/local-time";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import { readWanted, type Wanted } from "./wanted";

interface Props {
  wanted: Wanted;
  apply: (wanted: Wanted) => void;
}

/** What a report shows: of which time, by hours or days, of which tasks. */
export function Options({ wanted, apply }: Props) {
  const t = useText(words);
  const c = useText(common);
  const [draft, setDraft] = useState(wanted);
  // The address may change without this form, as by going back.
  useEffect(() => setDraft(wanted), [wanted]);
  const functions = useFunctionNames();
  const change = (part: Partial<Wanted>) => setDraft((before) => ({ ...before, ...part }));

  function submit(event: FormEvent) {
    event.preventDefault();
    apply(draft);
  }

  return (
    <Paper withBorder p="sm" component="form" aria-label={t.choose} onSubmit={submit}>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="xs">
        <TextInput
          label={c.from}
          type="datetime-local"
          value={toLocal(draft.from) ?? ""}
          onChange={(event) => change({ from: fromLocal(event.currentTarget.value) ?? "" })}
        />
        <TextInput
          label={c.to}
          type="datetime-local"
          value={toLocal(draft.to) ?? ""}
          onChange={(event) => change({ to: fromLocal(event.currentTarget.value) ?? "" })}
        />
        <NativeSelect
          label={t.bucket}
          data={(["hour", "day"] as const).map((value) => ({ value, label: t.buckets[value] }))}
          value={draft.bucket}
          onChange={(event) =>
            change({ bucket: event.currentTarget.value === "hour" ? "hour" : "day" })
          }
        />
        <TextInput
          label={c.type}
          maxLength={100}
          value={draft.task_type}
          onChange={(event) => change({ task_type: event.currentTarget.value })}
        />
        <Autocomplete
          label={c.function}
          data={functions}
          limit={50}
          maxLength={255}
          value={draft.celery_task_name}
          onChange={(celery_task_name) => change({ celery_task_name })}
        />
        <TextInput
          label={c.queue}
          maxLength={100}
          value={draft.queue}
          onChange={(event) => change({ queue: event.currentTarget.value })}
        />
      </SimpleGrid>
      <Group gap="xs" mt="sm">
        <Button type="submit" size="xs">
          {c.apply}
        </Button>
        <Button
          size="xs"
          variant="default"
          onClick={() => apply(readWanted(new URLSearchParams()))}
        >
          {c.clear}
        </Button>
        <Text size="xs" c="dimmed">
          {t.span}
        </Text>
      </Group>
    </Paper>
  );
}
