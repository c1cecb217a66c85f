import { Select, SimpleGrid, Stack, TagsInput } from "@mantine/core";
import {
  type FieldsProps,
  LimitFields,
  MarkFields,
  TimeLine,
} from "../../components/arguments/TaskFields";
import { Line, optionsOf, Segments } from "../../components/inputs";
import { useText } from "../../text/language";
import type { NewTaskDraft, Start } from "./draft";
import { words } from "./text";

const COLUMNS = { base: 1, sm: 2 };
/** What may stand between two ids. */
const BETWEEN = [",", ";", " ", "\n"];

/** What hardly any task has to say. */
export function MoreFields(props: FieldsProps<NewTaskDraft>) {
  return (
    <Stack gap="md">
      <StartFields {...props} />
      <SimpleGrid cols={COLUMNS} spacing="md">
        <LimitFields {...props} />
        <MarkFields {...props} />
        <UniqueFields {...props} />
      </SimpleGrid>
      <DependencyFields {...props} />
    </Stack>
  );
}

function StartFields({ draft, set, errors }: FieldsProps<NewTaskDraft>) {
  const t = useText(words);
  return (
    <>
      <Segments
        label={t.start}
        options={optionsOf(t.starts)}
        value={draft.start}
        onChange={(start) => set({ start: start as Start })}
      />
      <SimpleGrid cols={COLUMNS} spacing="md">
        {draft.start === "at" && (
          <TimeLine
            label={t.scheduledAt}
            required
            value={draft.scheduled_at}
            onText={(scheduled_at) => set({ scheduled_at })}
            error={errors.scheduled_at}
          />
        )}
        {draft.start === "in" && (
          <Line
            label={t.countdown}
            inputMode="decimal"
            required
            value={draft.countdown}
            onText={(countdown) => set({ countdown })}
            error={errors.countdown}
          />
        )}
        <TimeLine
          label={t.expiresAt}
          description={t.expiresAtAbout}
          value={draft.expires_at}
          onText={(expires_at) => set({ expires_at })}
          error={errors.expires_at}
        />
      </SimpleGrid>
    </>
  );
}

function UniqueFields({ draft, set, errors }: FieldsProps<NewTaskDraft>) {
  const t = useText(words);
  return (
    <>
      <Line
        label={t.limitKey}
        description={t.limitKeyAbout}
        maxLength={200}
        value={draft.limit_key}
        onText={(limit_key) => set({ limit_key })}
        error={errors.limit_key}
      />
      <Line
        label={t.uniqueKey}
        description={t.uniqueKeyAbout}
        maxLength={200}
        value={draft.unique_key}
        onText={(unique_key) => set({ unique_key })}
        error={errors.unique_key}
      />
      {draft.unique_key !== "" && (
        <Select
          label={t.uniqueMode}
          data={optionsOf(t.uniqueModes)}
          value={draft.unique_mode}
          onChange={(mode) => set({ unique_mode: mode as NewTaskDraft["unique_mode"] })}
          allowDeselect={false}
          error={errors.unique_mode}
        />
      )}
    </>
  );
}

function DependencyFields({ draft, set, errors }: FieldsProps<NewTaskDraft>) {
  const t = useText(words);
  return (
    <>
      <TagsInput
        label={t.dependsOn}
        description={t.dependsOnAbout}
        maxTags={1000}
        splitChars={BETWEEN}
        value={[...draft.depends_on]}
        onChange={(depends_on) => set({ depends_on })}
        error={errors.depends_on}
      />
      {draft.depends_on.length > 0 && (
        <Segments
          label={t.onDependencyFailure}
          options={optionsOf(t.onDependencyFailures)}
          value={draft.on_dependency_failure}
          onChange={(then) =>
            set({ on_dependency_failure: then as NewTaskDraft["on_dependency_failure"] })
          }
          error={errors.on_dependency_failure}
        />
      )}
    </>
  );
}
