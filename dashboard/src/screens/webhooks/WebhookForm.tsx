import {
  Button,
  Checkbox,
  Fieldset,
  Group,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import { FunctionInput, Line, QueueInput } from "../../components/inputs";
import { saidAt } from "../../components/places";
import { Failed } from "../../components/states";
import { useSending } from "../../components/useSending";
import { useText } from "../../text/language";
import { CONDITIONS, type Draft, EVENTS, faultsOf } from "./draft";
import { words } from "./text";

/** Fields of which the API may say what is wrong. */
const FIELDS = ["url", "events", ...CONDITIONS];

interface Props {
  first: Draft;
  /** Whether it may be chosen whose tasks it is about: when it is made, by operators. */
  choosesWhose: boolean;
  submit: string;
  /** Sends it; an error is shown in the form, which stays as it is. */
  send: (draft: Draft) => Promise<unknown>;
}

/** What a webhook calls, and when. */
export function WebhookForm({ first, choosesWhose, submit: label, send }: Props) {
  const t = useText(words);
  const [draft, setDraft] = useState(first);
  const faults = faultsOf(draft);
  const isComplete = !faults.url && !faults.events;
  const { form, tried, busy, error, submit } = useSending(isComplete, () => send(draft));
  const said = saidAt(error, FIELDS);

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput
          label={t.url}
          description={t.urlAbout}
          type="url"
          required
          data-autofocus
          value={draft.url}
          error={tried && faults.url ? t.urlWrong : said?.url}
          onChange={(event) => setDraft({ ...draft, url: event.currentTarget.value })}
        />
        <Checkbox.Group
          label={t.events}
          value={[...draft.events]}
          error={tried && faults.events ? t.eventsWrong : said?.events}
          onChange={(events) => setDraft({ ...draft, events })}
        >
          <Group gap="md" mt={4}>
            {EVENTS.map((event) => (
              <Checkbox key={event} value={event} label={t.eventNames[event]} />
            ))}
          </Group>
        </Checkbox.Group>
        <Conditions draft={draft} setDraft={setDraft} errors={said ?? {}} />
        {choosesWhose && (
          <Checkbox
            label={t.everybody}
            description={t.everybodyAbout}
            checked={draft.everybody}
            onChange={(event) => setDraft({ ...draft, everybody: event.currentTarget.checked })}
          />
        )}
        {error !== null && said === null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button type="submit" size="xs" loading={busy}>
            {label}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface ConditionsProps {
  draft: Draft;
  setDraft: (draft: Draft) => void;
  /** What is wrong, by the condition's name. */
  errors: Readonly<Record<string, string>>;
}

function Conditions({ draft, setDraft, errors }: ConditionsProps) {
  const t = useText(words);
  return (
    <Fieldset legend={t.filter} p="sm">
      <Text size="xs" c="dimmed" mb="xs">
        {t.filterAbout}
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        {CONDITIONS.map((name) => {
          const set = (value: string) =>
            setDraft({ ...draft, filter: { ...draft.filter, [name]: value } });
          const field = {
            label: t.conditions[name],
            value: draft.filter[name],
            error: errors[name],
          };
          if (name === "queue") return <QueueInput key={name} {...field} onChange={set} />;
          if (name !== "celery_task_name") return <Line key={name} {...field} onText={set} />;
          return <FunctionInput key={name} {...field} onChange={set} />;
        })}
      </SimpleGrid>
    </Fieldset>
  );
}
