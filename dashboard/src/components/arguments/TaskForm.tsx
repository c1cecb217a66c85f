import { Button, Group, Stack } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";
import type { TaskType } from "../../api/types";
import { type Signature, signatureOf } from "../../lib/json-schema";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { ArgumentsForm } from "../ArgumentsForm";
import { Section } from "../Section";
import { FormErrors } from "./FormErrors";
import { FunctionField } from "./FunctionField";
import type { FieldsProps } from "./TaskFields";
import { type Reading, type TaskDraft, withFunction } from "./task-draft";
import { schemaOf } from "./task-types";
import { words } from "./text";
import { useSubmit } from "./useSubmit";

const WIDTH = 760;

interface Props<Draft, Body> {
  types: readonly TaskType[];
  first: Draft;
  read: (draft: Draft, signature: Signature) => Reading<Body>;
  send: (body: Body, draft: Draft) => Promise<void>;
  /** What the button says that sends it. */
  submit: string;
  /** Told when another function is chosen. */
  onFunction?: (name: string) => void;
  /** Below what was refused. */
  notice?: ReactNode;
  /** What is asked besides the function and its arguments. */
  children: (fields: FieldsProps<Draft>) => ReactNode;
}

/** A form for what runs a function: which one, with what, and whatever else belongs to it. */
export function TaskForm<Draft extends TaskDraft, Body>(props: Props<Draft, Body>) {
  const { types, first, read, send, onFunction, notice, children } = props;
  const c = useText(common);
  const [draft, setDraft] = useState(first);
  const schema = schemaOf(types, draft.celery_task_name);
  const signature = useMemo(() => signatureOf(schema), [schema]);
  const { form, busy, refusal, isRefused, submit } = useSubmit(
    signature,
    () => read(draft, signature),
    (body) => send(body, draft),
  );
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));

  function choose(name: string) {
    setDraft((before) => withFunction(before, name));
    onFunction?.(name);
  }

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="lg" maw={WIDTH}>
        {isRefused && <FormErrors refusal={refusal} />}
        {notice}
        <FunctionField
          types={types}
          value={draft.celery_task_name}
          onChange={choose}
          error={refusal.fields.celery_task_name}
        />
        {draft.celery_task_name !== "" && (
          <>
            <Section title={c.arguments}>
              <ArgumentsForm
                key={draft.celery_task_name}
                schema={schema}
                value={draft.values}
                onChange={(values) => setDraft((before) => ({ ...before, values }))}
                errors={refusal.parameters}
              />
            </Section>
            {children({ draft, set, errors: refusal.fields })}
            <Group>
              <Button type="submit" loading={busy}>
                {props.submit}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </form>
  );
}

interface MoreProps {
  /** What the button says that shows the fields. */
  label: string;
  /** Names of the fields: they are shown where one of them is wrong. */
  names: readonly string[];
  errors: Readonly<Record<string, string>>;
  children: ReactNode;
}

/** Fields that hardly anybody fills in. */
export function More({ label, names, errors, children }: MoreProps) {
  const t = useText(words);
  const [open, setOpen] = useState(false);
  const isOpen = open || names.some((name) => name in errors);
  return (
    <>
      <Group>
        <Button
          variant="subtle"
          size="compact-sm"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? t.fewer : label}
        </Button>
      </Group>
      {isOpen && children}
    </>
  );
}
