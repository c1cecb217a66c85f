import { Button, Group, Modal, Progress, Stack, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { api, bodyOf } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { ErrorGroup, ErrorGroupRetry } from "../../api/types";
import { Failed } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { NOTHING, percentDone, type Retried, retryAll } from "./retrying";
import { words } from "./text";
import { GROUPS } from "./useGroups";

/** Refused tasks that are named. */
const NAMED = 50;

interface Props {
  group: ErrorGroup;
  onClose: () => void;
}

/** Asks whether a group's tasks shall run again, then does it and shows how far it is. */
export function RetryAll({ group, onClose }: Props) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const refresh = useRefresh(GROUPS);
  const [stage, setStage] = useState<"asked" | "running" | "over">("asked");
  const [soFar, setSoFar] = useState(NOTHING);
  const [error, setError] = useState<unknown>(null);
  const stopped = useRef(false);
  // Closed or left in between, it stops after the request that is under way.
  useEffect(() => {
    stopped.current = false;
    return () => {
      stopped.current = true;
    };
  }, []);

  async function run() {
    setStage("running");
    setError(null);
    try {
      await retryAll(
        () => askOnce(group.id),
        setSoFar,
        () => stopped.current,
      );
    } catch (caught) {
      setError(caught);
    } finally {
      setStage("over");
      void refresh();
    }
  }

  return (
    <Modal opened onClose={onClose} title={t.retryTitle} centered>
      <Stack gap="md">
        {stage === "asked" ? (
          <Text size="sm" className="breaks">
            {t.retryQuestion(count(group.tasks, language))}
          </Text>
        ) : (
          <Done soFar={soFar} isOver={stage === "over"} hasError={error !== null} />
        )}
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end" gap="xs">
          {stage === "asked" && (
            <>
              <Button size="xs" variant="default" onClick={onClose}>
                {c.back}
              </Button>
              <Button size="xs" onClick={() => void run()} data-autofocus>
                {t.retryAll}
              </Button>
            </>
          )}
          {stage === "running" && (
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                stopped.current = true;
              }}
            >
              {t.stop}
            </Button>
          )}
          {stage === "over" && (
            <Button size="xs" variant="default" onClick={onClose}>
              {c.close}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

async function askOnce(id: string): Promise<ErrorGroupRetry> {
  return bodyOf(
    await api.POST("/api/v1/error-groups/{group_id}/retry", { params: { path: { group_id: id } } }),
  );
}

interface DoneProps {
  soFar: Retried;
  isOver: boolean;
  hasError: boolean;
}

function Done({ soFar, isOver, hasError }: DoneProps) {
  const t = useText(words);
  const { language } = useLanguage();
  const { started, refused, left } = soFar;
  const rest = refused.length - NAMED;
  const isAsking = !isOver && soFar === NOTHING;
  return (
    <Stack gap="xs">
      <Progress
        value={isOver && left === 0 && !hasError ? 100 : percentDone(soFar)}
        animated={!isOver}
        aria-label={t.retryTitle}
      />
      <Text size="sm" role="status">
        {isAsking && t.asking}
        {isOver && t.started(count(started, language))}
        {!isAsking && !isOver && t.underway(count(started, language), count(left, language))}
      </Text>
      {isOver && left > 0 && <Text size="sm">{t.left(count(left, language))}</Text>}
      {refused.length > 0 && (
        <>
          <Text size="sm">{t.refused(count(refused.length, language))}</Text>
          <Stack gap={4}>
            {refused.slice(0, NAMED).map((each) => (
              <div key={each.task_id}>
                <TaskLink id={each.task_id} />
                <Text size="xs" c="dimmed" className="breaks">
                  {each.detail}
                </Text>
              </div>
            ))}
          </Stack>
          {rest > 0 && <Text size="xs">{t.andMore(count(rest, language))}</Text>}
        </>
      )}
    </Stack>
  );
}
