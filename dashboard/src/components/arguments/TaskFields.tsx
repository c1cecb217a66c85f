/** Inputs for what tasks and schedules have in common. */
import { Autocomplete, Input, SegmentedControl, TagsInput, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import type { TaskDraft } from "./task-draft";
import { useQueueNames } from "./task-types";
import { words } from "./text";

export interface FieldsProps<Draft> {
  draft: Draft;
  /** Changes a part of it. */
  set: (part: Partial<Draft>) => void;
  /** What is wrong, by the field's name. */
  errors: Readonly<Record<string, string>>;
}

interface LineProps {
  label: string;
  description?: ReactNode;
  placeholder?: string;
  required?: boolean;
  type?: "text" | "datetime-local";
  inputMode?: "decimal" | "numeric";
  maxLength?: number;
  value: string;
  onText: (text: string) => void;
  error?: string;
}

/** One line of text. */
export function Line({ onText, ...line }: LineProps) {
  return (
    <TextInput
      autoComplete="off"
      {...line}
      onChange={(event) => onText(event.currentTarget.value)}
    />
  );
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
        options={PRIORITIES.map((priority) => ({
          value: String(priority),
          label: c.priorities[priority] ?? "",
        }))}
        value={String(draft.priority)}
        onChange={(priority) => set({ priority: Number(priority) })}
        error={errors.priority}
      />
    </>
  );
}

const PRIORITIES = [1, 2, 3, 4];

interface Option {
  value: string;
  label: string;
}

/** Options of a choice, from words by value. */
export function optionsOf(words: Readonly<Record<string, string>>): Option[] {
  return Object.entries(words).map(([value, label]) => ({ value, label }));
}

interface SegmentsProps {
  label: string;
  description?: ReactNode;
  /** Few enough to stand beside each other on a telephone. */
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
  error?: string;
}

/** A few values of which one is chosen, all of them to be seen. */
export function Segments({ label, description, options, value, onChange, error }: SegmentsProps) {
  return (
    <Input.Wrapper label={label} description={description} error={error} labelElement="div">
      <div>
        <SegmentedControl
          mt={4}
          aria-label={label}
          data={[...options]}
          value={value}
          onChange={onChange}
        />
      </div>
    </Input.Wrapper>
  );
}

/** Where it runs, how often it is tried, how long it may take. */
export function LimitFields({ draft, set, errors }: FieldsProps<TaskDraft>) {
  const t = useText(words);
  const c = useText(common);
  const queues = useQueueNames();
  return (
    <>
      <Autocomplete
        label={c.queue}
        description={t.queueAbout}
        data={queues}
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
