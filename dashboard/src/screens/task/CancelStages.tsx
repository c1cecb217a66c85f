import { Text, Timeline } from "@mantine/core";
import { useNow, When } from "../../components/When";
import { duration } from "../../lib/format";
import { useText } from "../../text/language";
import type { Cancelling, Stage } from "./cancelling";
import { words } from "./text";

/** How far a cancel has come: told, known, stopped. */
export function CancelStages({ cancel }: { cancel: Cancelling }) {
  const t = useText(words);
  const reached = cancel.stages.map(({ at }) => at !== null).lastIndexOf(true);
  return (
    <Timeline active={reached} bulletSize={16} lineWidth={2} color="orange">
      {cancel.stages.map((stage) => (
        <Timeline.Item
          key={stage.name}
          title={t.stages[stage.name]}
          data-stage={stage.name}
          data-reached={stage.at !== null}
        >
          <StageTime stage={stage} cancel={cancel} />
        </Timeline.Item>
      ))}
    </Timeline>
  );
}

function StageTime({ stage, cancel }: { stage: Stage; cancel: Cancelling }) {
  const t = useText(words);
  const stopped = cancel.stages.at(-1)?.at !== null;
  return (
    <Text size="sm" c="dimmed" component="div">
      {stage.at !== null ? (
        <When at={stage.at} exact />
      ) : stopped ? (
        t.neverKnew
      ) : stage.name === "stopped" && cancel.forceAt && !cancel.overdue ? (
        <Countdown until={cancel.forceAt} />
      ) : (
        t.notYet
      )}
      {stage.name === "stopped" && cancel.stoppedBy && `, ${t.stoppedBy[cancel.stoppedBy]}`}
    </Text>
  );
}

function Countdown({ until }: { until: string }) {
  const t = useText(words);
  const left = Math.max(0, Math.ceil((Date.parse(until) - useNow()) / 1000));
  return t.forcedIn(left === 0 ? "0 s" : duration(left));
}
