import { Button, Group, Stack } from "@mantine/core";
import { useMemo, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { api, bodyOf } from "../../api/client";
import type { TaskType } from "../../api/types";
import { ArgumentsForm } from "../../components/ArgumentsForm";
import { FormErrors } from "../../components/arguments/FormErrors";
import { FunctionField } from "../../components/arguments/FunctionField";
import { NameFields } from "../../components/arguments/TaskFields";
import { withFunction } from "../../components/arguments/task-draft";
import { schemaOf } from "../../components/arguments/task-types";
import { useSubmit } from "../../components/arguments/useSubmit";
import { Section } from "../../components/Section";
import { signatureOf } from "../../lib/json-schema";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { emptyDraft, MORE_FIELDS, type NewTaskDraft, readDraft } from "./draft";
import { KeyKeeper } from "./idempotency";
import { MoreFields } from "./MoreFields";
import { words } from "./text";

const WIDTH = 760;

/** The form of a new task; it leads to the task. */
export function NewTaskForm({ types }: { types: readonly TaskType[] }) {
  const t = useText(words);
  const c = useText(common);
  const [, go] = useLocation();
  const [address, setAddress] = useSearchParams();
  const [draft, setDraft] = useState(() => emptyDraft(firstFunction(address, types)));
  const [keys] = useState(() => new KeyKeeper());
  const [more, setMore] = useState(false);
  const schema = schemaOf(types, draft.celery_task_name);
  const signature = useMemo(() => signatureOf(schema), [schema]);
  const { form, busy, refusal, isRefused, submit } = useSubmit(
    signature,
    () => readDraft(draft, signature),
    async (body) => {
      const header = { "idempotency-key": keys.keyFor(body) };
      const made = bodyOf(await api.POST("/api/v1/tasks/", { params: { header }, body }));
      go(`/tasks/${made.id}`);
    },
  );
  const set = (part: Partial<NewTaskDraft>) => setDraft((before) => ({ ...before, ...part }));
  const isMore = more || MORE_FIELDS.some((name) => name in refusal.fields);

  function choose(name: string) {
    setDraft((before) => withFunction(before, name));
    setAddress({ function: name }, { replace: true });
  }

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="lg" maw={WIDTH}>
        {isRefused && <FormErrors refusal={refusal} />}
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
                onChange={(values) => set({ values })}
                errors={refusal.parameters}
              />
            </Section>
            <Section title={c.task}>
              <NameFields draft={draft} set={set} errors={refusal.fields} />
            </Section>
            <Group>
              <Button
                variant="subtle"
                size="compact-sm"
                aria-expanded={isMore}
                onClick={() => setMore(!isMore)}
              >
                {isMore ? t.fewer : t.more}
              </Button>
            </Group>
            {isMore && <MoreFields draft={draft} set={set} errors={refusal.fields} />}
            <Group>
              <Button type="submit" loading={busy}>
                {t.submit}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </form>
  );
}

/** The one that the address names, or the only one there is. */
function firstFunction(address: URLSearchParams, types: readonly TaskType[]): string {
  const [only] = types;
  return address.get("function") ?? (types.length === 1 && only ? only.name : "");
}
