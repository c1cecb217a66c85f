/** Inputs for when a schedule fires. */
import { Button, Group, Select, SimpleGrid, Stack, Text } from "@mantine/core";
import { type FieldsProps, TimeLine } from "../../components/arguments/TaskFields";
import { Line, optionsOf, Segments } from "../../components/inputs";
import { useText } from "../../text/language";
import type { ScheduleDraft, Unit } from "./draft";
import { words } from "./text";
import { zonesWith } from "./zones";

type Fields = FieldsProps<ScheduleDraft>;

const COLUMNS = { base: 1, sm: 2 };
/** So many zones are listed at once; the others are found by typing. */
const LISTED = 100;

/** The kind of schedule, and what that kind goes by. */
export function TimeFields(props: Fields) {
  const { draft, set, errors } = props;
  const t = useText(words);
  return (
    <Stack gap="md">
      <Segments
        label={t.kind}
        description={t.kindAbout[draft.kind]}
        options={optionsOf(t.kinds)}
        value={draft.kind}
        onChange={(kind) => set({ kind: kind as ScheduleDraft["kind"] })}
        error={errors.kind}
      />
      {draft.kind === "cron" && <CronFields {...props} />}
      {draft.kind === "interval" && <IntervalFields {...props} />}
      {draft.kind === "once" && (
        <TimeLine
          label={t.at}
          required
          value={draft.at}
          onText={(at) => set({ at })}
          error={errors.at}
        />
      )}
    </Stack>
  );
}

function CronFields({ draft, set, errors }: Fields) {
  const t = useText(words);
  return (
    <>
      <Stack gap="xs">
        <Line
          label={t.cron}
          description={t.cronAbout}
          placeholder="30 3 * * *"
          required
          maxLength={500}
          value={draft.cron}
          onText={(cron) => set({ cron })}
          error={errors.cron}
        />
        <Group gap={6} role="group" aria-label={t.examples}>
          <Text size="xs" c="dimmed">
            {t.examples}:
          </Text>
          {t.cronExamples.map(([cron = "", label = ""]) => (
            <Button
              key={cron}
              size="compact-xs"
              variant="default"
              title={cron}
              onClick={() => set({ cron })}
            >
              {label}
            </Button>
          ))}
        </Group>
      </Stack>
      <Select
        label={t.timezone}
        description={t.timezoneAbout}
        data={zonesWith(draft.timezone)}
        value={draft.timezone || null}
        onChange={(zone) => set({ timezone: zone ?? "" })}
        limit={LISTED}
        searchable
        clearable
        error={errors.timezone}
      />
    </>
  );
}

function IntervalFields({ draft, set, errors }: Fields) {
  const t = useText(words);
  return (
    <SimpleGrid cols={COLUMNS} spacing="md">
      <Line
        label={t.every}
        description={t.everyAbout}
        inputMode="decimal"
        required
        value={draft.interval}
        onText={(interval) => set({ interval })}
        error={errors.interval_seconds}
      />
      <Select
        label={t.unit}
        description={"\u00a0"}
        data={optionsOf(t.units)}
        value={draft.unit}
        onChange={(unit) => set({ unit: unit as Unit })}
        allowDeselect={false}
      />
    </SimpleGrid>
  );
}

/** Between which times it fires. */
export function EndFields({ draft, set, errors }: Fields) {
  const t = useText(words);
  return (
    <>
      <TimeLine
        label={t.startAt}
        description={draft.kind === "interval" ? t.startAtAbout : undefined}
        value={draft.start_at}
        onText={(start_at) => set({ start_at })}
        error={errors.start_at}
      />
      <TimeLine
        label={t.endAt}
        value={draft.end_at}
        onText={(end_at) => set({ end_at })}
        error={errors.end_at}
      />
    </>
  );
}
