/** Inputs for what tasks and schedules have in common. */
import { TagsInput } from "@mantine/core";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { Line, type LineProps, QueueInput, Segments } from "../inputs";
import type { TaskDraft } from "./task-draft";
import { words } from "./text";
import { useZone } from "./useZone";

export interface FieldsProps<Draft> {
  draft: Draft;
  /** Changes a part of it. */
  set: (part: Partial<Draft>) => void;
  /** What is wrong, by the field's name. */
  errors: Readonly<Record<string, string>>;
}

interface TimeProps extends Omit<LineProps, "type" | "description"> {
  description?: string;
}

/** A time by the viewer's clock. */
export function TimeLine({ description, ...line }: TimeProps) {
  const about = [description, useZone()].filter(Boolean).join(" ");
  return <Line {...line} type="datetime-local" description={about} />;
}

/** What the task is called, its type, its priority. */
export function NameFields({ draft, set, errors }: FieldsProps<TaskDraft>) {
  const t = useText(words);
  const c = useText(common);
  return (
    <>
      <Line
        label={c.name}
        description={t.nameAbout}
        required
        maxLength={200}
        value={draft.name}
        onText={(name) => set({ name })}
        error={errors.name}
      />
      <Line
        label={c.type}
        description={t.typeAbout}
        required
        maxLength={100}
        value={draft.task_type}
        onText={(task_type) => set({ task_type })}
        error={errors.task_type}
      />
      <Segments
        label={c.priority}
        description={t.priorityAbout}
        options={Object.entries(c.priorities).map(([value, label]) => ({ value, label }))}
        value={String(draft.priority)}
        onChange={(priority) => set({ priority: Number(priority) })}
        error={errors.priority}
      />
    </>
  );
}

/** Where it runs, how often it is tried, how long it may take. */
export function LimitFields({ draft, set, errors }: FieldsProps<TaskDraft>) {
  const t = useText(words);
  const c = useText(common);
  return (
    <>
      <QueueInput
        label={c.queue}
        description={t.queueAbout}
        value={draft.queue}
        onChange={(queue) => set({ queue })}
        error={errors.queue}
      />
      <Line
        label={t.maxAttempts}
        description={t.maxAttemptsAbout}
        inputMode="numeric"
        value={draft.max_attempts}
        onText={(max_attempts) => set({ max_attempts })}
        error={errors.max_attempts}
      />
      <Line
        label={t.timeLimit}
        description={t.timeLimitAbout}
        inputMode="decimal"
        value={draft.time_limit}
        onText={(time_limit) => set({ time_limit })}
        error={errors.time_limit}
      />
      <Line
        label={t.softTimeLimit}
        description={t.softTimeLimitAbout}
        inputMode="decimal"
        value={draft.soft_time_limit}
        onText={(soft_time_limit) => set({ soft_time_limit })}
        error={errors.soft_time_limit}
      />
    </>
  );
}

/** By what it is found again. */
export function MarkFields({ draft, set, errors }: FieldsProps<TaskDraft>) {
  const t = useText(words);
  const c = useText(common);
  return (
    <>
      <TagsInput
        label={c.tags}
        description={t.tagsAbout}
        maxTags={32}
        value={[...draft.tags]}
        onChange={(tags) => set({ tags })}
        error={errors.tags}
      />
      <Line
        label={t.ownerRef}
        description={t.ownerRefAbout}
        maxLength={200}
        value={draft.owner_ref}
        onText={(owner_ref) => set({ owner_ref })}
        error={errors.owner_ref}
      />
    </>
  );
}
