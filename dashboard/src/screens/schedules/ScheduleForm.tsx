import { Select, SimpleGrid, Switch } from "@mantine/core";
import type { ReactNode } from "react";
import type { TaskType } from "../../api/types";
import {
  type FieldsProps,
  LimitFields,
  MarkFields,
  NameFields,
} from "../../components/arguments/TaskFields";
import { More, TaskForm } from "../../components/arguments/TaskForm";
import { Line, optionsOf } from "../../components/inputs";
import { Section } from "../../components/Section";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { MORE_FIELDS, readDraft, type ScheduleBody, type ScheduleDraft } from "./draft";
import { EndFields, TimeFields } from "./TimeFields";
import { words } from "./text";

const COLUMNS = { base: 1, sm: 2 };

interface Props {
  types: readonly TaskType[];
  first: ScheduleDraft;
  /** What the button says. */
  submit: string;
  send: (body: ScheduleBody, draft: ScheduleDraft) => Promise<void>;
  isNew?: boolean;
  /** Below what was refused. */
  notice?: ReactNode;
}

/** What a schedule runs, and when. */
export function ScheduleForm({ isNew, ...form }: Props) {
  const t = useText(words);
  const c = useText(common);
  return (
    <TaskForm {...form} read={readDraft}>
      {(fields) => (
        <>
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
                checked={fields.draft.paused}
                onChange={(event) => fields.set({ paused: event.currentTarget.checked })}
              />
            )}
          </Section>
          <More label={t.more} names={MORE_FIELDS} errors={fields.errors}>
            <MoreFields {...fields} />
          </More>
        </>
      )}
    </TaskForm>
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
function MoreFields(props: FieldsProps<ScheduleDraft>) {
  const { draft, set, errors } = props;
  const t = useText(words);
  return (
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
  );
}
