import { useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { api, bodyOf } from "../../api/client";
import type { TaskCreate, TaskType } from "../../api/types";
import { NameFields } from "../../components/arguments/TaskFields";
import { More, TaskForm } from "../../components/arguments/TaskForm";
import { firstFunction } from "../../components/arguments/task-types";
import { Section } from "../../components/Section";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { emptyDraft, MORE_FIELDS, readDraft } from "./draft";
import { KeyKeeper } from "./idempotency";
import { MoreFields } from "./MoreFields";
import { words } from "./text";

/** The form of a new task; it leads to the task. */
export function NewTaskForm({ types }: { types: readonly TaskType[] }) {
  const t = useText(words);
  const c = useText(common);
  const [, go] = useLocation();
  const [address, setAddress] = useSearchParams();
  const [keys] = useState(() => new KeyKeeper());

  async function create(body: TaskCreate) {
    const header = { "idempotency-key": keys.keyFor(body) };
    const made = bodyOf(await api.POST("/api/v1/tasks/", { params: { header }, body }));
    go(`/tasks/${made.id}`);
  }

  return (
    <TaskForm
      types={types}
      first={emptyDraft(firstFunction(types, address.get("function")))}
      read={readDraft}
      send={create}
      submit={t.submit}
      onFunction={(name) => setAddress({ function: name }, { replace: true })}
    >
      {(fields) => (
        <>
          <Section title={c.task}>
            <NameFields {...fields} />
          </Section>
          <More label={t.more} names={MORE_FIELDS} errors={fields.errors}>
            <MoreFields {...fields} />
          </More>
        </>
      )}
    </TaskForm>
  );
}
