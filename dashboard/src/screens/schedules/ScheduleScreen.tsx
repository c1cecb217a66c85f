import { Alert, Box, Button, Stack, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { Link, useLocation } from "wouter";
import { useCan } from "../../api/session";
import type { ScheduleDetail } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { ConfirmButton } from "../../components/ConfirmButton";
import { Json } from "../../components/LongText";
import { Page } from "../../components/Page";
import { Section } from "../../components/Section";
import { say } from "../../components/say";
import { Answer } from "../../components/states";
import { When } from "../../components/When";
import { clip } from "../../lib/format";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { ScheduleFacts } from "./Facts";
import { History } from "./History";
import { useSchedule, useScheduleActions } from "./queries";
import { words } from "./text";
import { useSentence } from "./useSentence";

/** One schedule: when it fires, what it runs, what became of its times. */
export default function ScheduleScreen({ id }: ScreenProps) {
  const t = useText(words);
  const sentence = useSentence();
  const query = useSchedule(id);
  const schedule = query.data;
  return (
    <Page
      title={schedule ? clip(schedule.name, 200) : t.title}
      about={schedule && sentence(schedule)}
      actions={schedule && <Actions schedule={schedule} />}
    >
      <Answer query={query}>{(found) => <Content schedule={found} />}</Answer>
    </Page>
  );
}

function Content({ schedule }: { schedule: ScheduleDetail }) {
  const t = useText(words);
  const c = useText(common);
  return (
    <Stack gap="lg">
      {schedule.source === "static" && (
        <Alert color="gray" variant="light" icon={<IconInfoCircle />}>
          {t.isStatic}
        </Alert>
      )}
      <Section title={t.nextFires}>
        <NextFires schedule={schedule} />
      </Section>
      <Section title={t.facts}>
        <ScheduleFacts schedule={schedule} />
      </Section>
      <Section title={c.arguments}>
        <Arguments schedule={schedule} />
      </Section>
      <Section title={t.history}>
        <History id={schedule.id} />
      </Section>
    </Stack>
  );
}

function Actions({ schedule }: { schedule: ScheduleDetail }) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const [, go] = useLocation();
  const { id, paused, source } = schedule;
  const { pause, resume, run, remove } = useScheduleActions(id);
  if (!can("tasks:write")) return null;

  async function forget() {
    await remove();
    say(t.gone);
    go("/schedules");
  }

  return (
    <>
      <ActionButton label={t.run} variant="filled" act={run} />
      {paused ? (
        <ActionButton label={c.resume} done={t.isResumed} act={resume} />
      ) : (
        <ActionButton label={c.pause} done={t.isPaused} act={pause} />
      )}
      {source === "api" && (
        <>
          <Button component={Link} href={`/schedules/${id}/edit`} size="xs" variant="default">
            {c.edit}
          </Button>
          <ConfirmButton
            label={c.delete}
            title={t.deleteTitle}
            question={t.deleteQuestion}
            act={forget}
          />
        </>
      )}
    </>
  );
}

function NextFires({ schedule }: { schedule: ScheduleDetail }) {
  const t = useText(words);
  if (schedule.next_fires.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {schedule.paused ? t.noNextFiresPaused : t.noNextFires}
      </Text>
    );
  }
  return (
    <Box component="ol" m={0} pl="lg">
      {schedule.next_fires.map((moment) => (
        <Text size="sm" component="li" key={moment}>
          <When at={moment} exact />{" "}
          <Text span c="dimmed">
            (<When at={moment} />)
          </Text>
        </Text>
      ))}
    </Box>
  );
}

function Arguments({ schedule: { args, kwargs } }: { schedule: ScheduleDetail }) {
  const t = useText(words);
  const c = useText(common);
  const hasNames = Object.keys(kwargs).length > 0;
  if (args.length === 0 && !hasNames) {
    return (
      <Text size="sm" c="dimmed">
        {c.none}
      </Text>
    );
  }
  return (
    <Stack gap="xs">
      {args.length > 0 && <Labelled label={t.args} value={args} />}
      {hasNames && <Labelled label={t.kwargs} value={kwargs} />}
    </Stack>
  );
}

function Labelled({ label, value }: { label: string; value: unknown }) {
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Json value={value} label={label} />
    </Stack>
  );
}
