import { Anchor, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import type { ErrorGroup, ErrorGroupDetail } from "../../api/types";
import { Facts } from "../../components/Facts";
import { LongText } from "../../components/LongText";
import { Page } from "../../components/Page";
import { Section } from "../../components/Section";
import { Answer } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { When } from "../../components/When";
import { tasksAddress } from "../../lib/address";
import { clip, count } from "../../lib/format";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { GroupActions } from "./GroupActions";
import { GroupMarks } from "./GroupMarks";
import { GroupTasks } from "./GroupTasks";
import { RetryAll } from "./RetryAll";
import { words } from "./text";
import { useFreshGroups, useGroup } from "./useGroups";

/** One failure: what it says, where it comes from, which tasks it has met. */
export default function Failure({ id }: ScreenProps) {
  const t = useText(words);
  const group = useGroup(id);
  const [retried, setRetried] = useState<ErrorGroup | null>(null);
  useFreshGroups();
  return (
    <Page
      title={group.data ? clip(group.data.type, 120) : t.failure}
      about={group.data && <Where group={group.data} />}
      actions={group.data && <GroupActions group={group.data} askRetry={setRetried} />}
    >
      <Answer query={group} lines={8}>
        {(data) => <Content group={data} />}
      </Answer>
      {retried && <RetryAll group={retried} onClose={() => setRetried(null)} />}
    </Page>
  );
}

/** The function, and where its failed tasks are listed. */
function Where({ group }: { group: ErrorGroup }) {
  const t = useText(words);
  const name = group.celery_task_name;
  return (
    <Stack gap={4}>
      <Text ff="monospace" size="sm" className="breaks">
        {name}
      </Text>
      <Group gap="xs">
        <GroupMarks group={group} />
        <Anchor
          component={Link}
          href={tasksAddress({ status: ["failed"], celery_task_name: name })}
          size="sm"
        >
          {t.failedTasks}
        </Anchor>
      </Group>
    </Stack>
  );
}

function Content({ group }: { group: ErrorGroupDetail }) {
  const t = useText(words);
  return (
    <Stack gap="lg">
      <Section title={t.message}>
        <LongText text={group.message || t.noMessage} label={t.message} />
      </Section>
      <Section title={t.facts}>
        <GroupFacts group={group} />
      </Section>
      {group.traceback && (
        <Section title={t.traceback}>
          <LongText text={group.traceback} label={t.traceback} />
        </Section>
      )}
      {group.frames.length > 0 && (
        <Section title={t.frames}>
          <LongText text={group.frames.join("\n")} label={t.frames} />
        </Section>
      )}
      <Section title={t.itsTasks}>
        <GroupTasks id={group.id} />
      </Section>
    </Stack>
  );
}

function GroupFacts({ group }: { group: ErrorGroup }) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const regressed = (
    <>
      <When at={group.regressed_at} exact />: {t.regressedHelp}
    </>
  );
  return (
    <Facts
      facts={[
        [t.failures, count(group.failures, language)],
        [t.tasks, count(group.tasks, language)],
        [t.firstSeen, <When key="first" at={group.first_seen_at} exact />],
        [
          t.lastSeen,
          <span key="last">
            <When at={group.last_seen_at} exact /> (<When at={group.last_seen_at} />)
          </span>,
        ],
        [t.latestTask, <TaskLink key="task" id={group.last_task_id} />],
        [t.regressed, group.regressed ? regressed : c.no],
        [t.resolved, group.resolved_at && <Resolution key="resolved" group={group} />],
      ]}
    />
  );
}

function Resolution({ group: { resolved_at, resolved_by } }: { group: ErrorGroup }) {
  return (
    <>
      <When at={resolved_at} exact />
      {resolved_by && ` · ${resolved_by}`}
    </>
  );
}
