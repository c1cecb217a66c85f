import { Button, Group, Select, SimpleGrid, Stack, Switch } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";
import type { TaskType } from "../../api/types";
import { ArgumentsForm } from "../../components/ArgumentsForm";
import { FormErrors } from "../../components/arguments/FormErrors";
import { FunctionField } from "../../components/arguments/FunctionField";
import {
  type FieldsProps,
  LimitFields,
  Line,
  MarkFields,
  NameFields,
  optionsOf,
} from "../../components/arguments/TaskFields";
import { withFunction } from "../../components/arguments/task-draft";
import { schemaOf } from "../../components/arguments/task-types";
import { useSubmit } from "../../components/arguments/useSubmit";
import { Section } from "../../components/Section";
import { signatureOf } from "../../lib/json-schema";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { MORE_FIELDS, readDraft, type ScheduleBody, type ScheduleDraft } from "./draft";
import { EndFields, TimeFields } from "./TimeFields";
import { words } from "./text";

const WIDTH = 760;
const COLUMNS = { base: 1, sm: 2 };

interface Props {
  types: readonly TaskType[];
  first: ScheduleDraft;
  /** What the button says. */
  submit: string;
  send: (body: ScheduleBody, paused: boolean) => Promise<void>;
  isNew?: boolean;
  /** Below what was refused. */
  children?: ReactNode;
}

/** What a schedule runs, and when. */
export function ScheduleForm({ types, first, submit: label, send, isNew, children }: Props) {
  const t = useText(words);
  const c = useText(common);
  const [draft, setDraft] = useState(first);
  const schema = schemaOf(types, draft.celery_task_name);
  const signature = useMemo(() => signatureOf(schema), [schema]);
  const { form, busy, refusal, isRefused, submit } = useSubmit(
    signature,
    () => readDraft(draft, signature),
    (body) => send(body, draft.paused),
  );
  const set = (part: Partial<ScheduleDraft>) => setDraft((before) => ({ ...before, ...part }));
  const fields = { draft, set, errors: refusal.fields };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="lg" maw={WIDTH}>
        {isRefused && <FormErrors refusal={refusal} />}
        {children}
        <Section title={t.task}>
          <FunctionField
            types={types}
            value={draft.celery_task_name}
            onChange={(name) => setDraft((before) => withFunction(before, name))}
            error={refusal.fields.celery_task_name}
          />
        </Section>
        {draft.celery_task_name !== "" && (
          <>
            <Section title={c.arguments}>
              <ArgumentsForm
                key={draft.celery_task_name}
                schema={schema}
                value={draft.values}
                onChange={(values) => set({ values })}
                errors={refusal.parameters}
              />
            </Section>
            <Section title={t.when}>
              <TimeFields {...fields} />
            </Section>
            <Section title={c.task}>
              <NameFields {...fields} />
              <RuleFields {...fields} />
              {isNew && (
                <Switch
                  label={t.startPaused}
                  description={t.startPausedAbout}
                  checked={draft.paused}
                  onChange={(event) => set({ paused: event.currentTarget.checked })}
                />
              )}
            </Section>
            <More {...fields} />
            <Group>
              <Button type="submit" loading={busy}>
                {label}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </form>
  );
}

/** What becomes of times at which it cannot run as usual. */
function RuleFields({ draft, set, errors }: FieldsProps<ScheduleDraft>) {
  const t = useText(words);
  return (
    <SimpleGrid cols={COLUMNS} spacing="md">
      <Select
        label={t.overlap}
        data={optionsOf(t.overlaps)}
        value={draft.overlap}
        onChange={(overlap) => set({ overlap: overlap as ScheduleDraft["overlap"] })}
        allowDeselect={false}
        error={errors.overlap}
      />
      <Select
        label={t.misfire}
        description={t.misfireAbout}
        inputWrapperOrder={["label", "input", "description", "error"]}
        data={optionsOf(t.misfires)}
        value={draft.misfire}
        onChange={(misfire) => set({ misfire: misfire as ScheduleDraft["misfire"] })}
        allowDeselect={false}
        error={errors.misfire}
      />
    </SimpleGrid>
  );
}

/** What hardly any schedule has to say. */
function More(props: FieldsProps<ScheduleDraft>) {
  const { draft, set, errors } = props;
  const t = useText(words);
  const [open, setOpen] = useState(false);
  const isOpen = open || MORE_FIELDS.some((name) => name in errors);
  return (
    <>
      <Group>
        <Button
          variant="subtle"
          size="compact-sm"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? t.fewer : t.more}
        </Button>
      </Group>
      {isOpen && (
        <SimpleGrid cols={COLUMNS} spacing="md">
          {draft.kind !== "once" && <EndFields {...props} />}
          <Line
            label={t.expiresIn}
            description={t.expiresInAbout}
            inputMode="decimal"
            value={draft.expires_in}
            onText={(expires_in) => set({ expires_in })}
            error={errors.expires_in}
          />
          <LimitFields {...props} />
          <MarkFields {...props} />
        </SimpleGrid>
      )}
    </>
  );
}
