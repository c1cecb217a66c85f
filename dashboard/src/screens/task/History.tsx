import { Text, Timeline } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { Task } from "../../api/types";
import { Panel } from "../../components/Panel";
import { Answer } from "../../components/states";
import { useNow, When } from "../../components/When";
import { clip, duration } from "../../lib/format";
import { type Moment, shorten, timeline } from "../../lib/timeline";
import { useText } from "../../text/language";
import { Outcome } from "./Outcome";
import { words } from "./text";
import type { Starts } from "./useDetails";

const MOST = 24;

/** What has happened to a task, in order, with the time between. */
export function History({ task, starts }: { task: Task; starts: UseQueryResult<Starts> }) {
  const t = useText(words);
  return (
    <Panel title={t.history}>
      <Answer query={starts}>
        {({ attempts }) => <Moments task={task} attempts={attempts} />}
      </Answer>
    </Panel>
  );
}

function Moments({ task, attempts }: { task: Task; attempts: Starts["attempts"] }) {
  const t = useText(words);
  const moments = timeline(task, attempts, useNow());
  const { first, leftOut, last } = shorten(moments, MOST);
  const past = moments.filter(({ future }) => !future).length;
  const shown = leftOut > 0 ? past - leftOut + 1 : past;
  return (
    <Timeline active={shown - 1} bulletSize={14} lineWidth={2}>
      {first.map(item)}
      {leftOut > 0 && (
        <Timeline.Item lineVariant="dashed">
          <Text size="sm" c="dimmed">
            {t.leftOut(leftOut)}
          </Text>
        </Timeline.Item>
      )}
      {last.map(item)}
    </Timeline>
  );
}

/** The timeline numbers its direct children, so this is no component. */
function item(moment: Moment) {
  return (
    <Timeline.Item
      key={`${moment.kind} ${moment.attempt}`}
      lineVariant={moment.future ? "dotted" : "solid"}
      data-moment={moment.kind}
    >
      <MomentText moment={moment} />
    </Timeline.Item>
  );
}

function MomentText({ moment }: { moment: Moment }) {
  const t = useText(words);
  const { kind, attempt, detail, reason, seconds } = moment;
  return (
    <>
      <Text size="sm" fw={500} component="div" className="breaks">
        {t.moments[kind]}
        {attempt !== null && ` · ${t.attemptNumber(attempt)}`}
        {kind === "started" && detail && ` ${t.onWorker(clip(detail, 200))}`}
        {(kind === "ended" || kind === "finished") && detail && (
          <>
            {": "}
            <Outcome outcome={detail} reason={reason} />
          </>
        )}
      </Text>
      <Text size="xs" c="dimmed" component="div">
        <When at={moment.at} exact />
        {seconds !== null && ` · ${t.after(duration(seconds))}`}
      </Text>
    </>
  );
}
