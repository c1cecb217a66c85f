import {
  Button,
  Group,
  Modal,
  NativeSelect,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, bodyOf, Problem } from "../../api/client";
import type { Task, TaskPatch } from "../../api/types";
import { say } from "../../components/say";
import { Failed } from "../../components/states";
import { fromLocal } from "../../lib/local-time";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { changesFrom, type Editable, editableOf, toField } from "./editing";
import { words } from "./text";
import { taskKey } from "./useTask";

interface Props {
  task: Task;
  opened: boolean;
  onClose: () => void;
}

/** Changes the name and tags of a task, and while it waits, when it runs. */
export function EditTask({ task, opened, onClose }: Props) {
  const t = useText(words);
  return (
    <Modal opened={opened} onClose={onClose} title={t.editTitle}>
      <EditForm task={task} onClose={onClose} />
    </Modal>
  );
}

function EditForm({ task, onClose }: { task: Task; onClose: () => void }) {
  const t = useText(words);
  const c = useText(common);
  const client = useQueryClient();
  const [before] = useState(() => editableOf(task));
  const [after, setAfter] = useState(before);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const changes = changesFrom(before, after);
  const pending = task.status === "pending";

  async function save(event: FormEvent) {
    event.preventDefault();
    if (changes === null) return;
    setBusy(true);
    setError(null);
    try {
      const saved = await change(task.id, before, changes, t.changedMeanwhile);
      client.setQueryData(taskKey(task.id), saved);
      say(t.edited);
      onClose();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void save(event)}>
      <Stack gap="sm">
        <TextInput
          label={c.name}
          value={after.name}
          onChange={(event) => setAfter({ ...after, name: event.currentTarget.value })}
          maxLength={200}
          required
          data-autofocus
        />
        <TagsInput
          label={c.tags}
          description={t.tagsHint}
          value={[...after.tags]}
          onChange={(tags) => setAfter({ ...after, tags })}
          maxTags={32}
        />
        {pending && <WhenItRuns value={after} onChange={setAfter} />}
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end" gap="xs">
          {changes === null && (
            <Text size="xs" c="dimmed">
              {t.editNone}
            </Text>
          )}
          <Button size="xs" variant="default" onClick={onClose}>
            {c.back}
          </Button>
          <Button size="xs" type="submit" loading={busy} disabled={changes === null}>
            {c.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface FieldsProps {
  value: Editable;
  onChange: (value: Editable) => void;
}

function WhenItRuns({ value, onChange }: FieldsProps) {
  // Kept as it is typed: the browser says nothing before the time is complete.
  const [field, setField] = useState(() => toField(value.scheduledAt));
  const t = useText(words);
  const c = useText(common);
  return (
    <>
      <NativeSelect
        label={c.priority}
        data={Object.entries(c.priorities).map(([each, label]) => ({ value: each, label }))}
        value={String(value.priority)}
        onChange={(event) => onChange({ ...value, priority: Number(event.currentTarget.value) })}
      />
      <TextInput
        type="datetime-local"
        step={1}
        label={t.scheduledFor}
        description={t.scheduledHint}
        value={field}
        onChange={(event) => {
          setField(event.currentTarget.value);
          onChange({ ...value, scheduledAt: fromLocal(event.currentTarget.value) });
        }}
      />
    </>
  );
}

const TIMES = 5;

/**
 * Changes a task as whoever edits it saw it. A running one has a new version with each progress, so
 * what is compared are the fields themselves; the version keeps anybody from coming between.
 */
async function change(
  id: string,
  before: Editable,
  changes: TaskPatch,
  refusal: string,
): Promise<Task> {
  const path = { task_id: id };
  for (let time = 1; ; time += 1) {
    const now = bodyOf(await api.GET("/api/v1/tasks/{task_id}", { params: { path } }));
    if (changesFrom(before, editableOf(now)) !== null) throw new Problem(412, "changed", refusal);
    try {
      const header = { "if-match": `"${now.version}"` };
      const params = { path, header };
      return bodyOf(await api.PATCH("/api/v1/tasks/{task_id}", { params, body: changes }));
    } catch (error) {
      const overtaken = error instanceof Problem && error.status === 412;
      if (!overtaken || time === TIMES) throw error;
    }
  }
}
