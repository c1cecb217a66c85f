import { Group, NativeSelect, Stack, Switch, Text } from "@mantine/core";
import { useState } from "react";
import type { Task } from "../../api/types";
import { Empty, Failed, Loading } from "../../components/states";
import { count } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { LogLines } from "./LogLines";
import { fromLevel, LEVELS, type Level } from "./logLines";
import { words } from "./text";
import { type Logs as Read, useLogs } from "./useLogs";
import { isFinished } from "./useTask";

/** What a task has logged, as it comes. */
export function Logs({ task }: { task: Task }) {
  const t = useText(words);
  const logs = useLogs(task.id, isFinished(task));
  if (logs.lines.length === 0) {
    if (logs.error !== null) return <Failed error={logs.error} />;
    if (!logs.read) return <Loading />;
    return <Empty title={t.noLines}>{t.noLinesWhy}</Empty>;
  }
  return (
    <Stack gap="sm">
      {logs.error !== null && <Failed error={logs.error} />}
      <ReadLines logs={logs} live={!isFinished(task)} />
    </Stack>
  );
}

function ReadLines({ logs, live }: { logs: Read; live: boolean }) {
  const t = useText(words);
  const { language } = useLanguage();
  const [least, setLeast] = useState<Level>("debug");
  const [follow, setFollow] = useState(live);
  const lines = fromLevel(logs.lines, least);
  return (
    <>
      <Group gap="md" align="center">
        <NativeSelect
          size="xs"
          aria-label={t.leastLevel}
          data={LEVELS.map((level) => ({ value: level, label: t.levels[level] }))}
          value={least}
          onChange={(event) => setLeast(event.currentTarget.value as Level)}
        />
        <Switch
          size="xs"
          label={t.follow}
          checked={follow}
          onChange={(event) => setFollow(event.currentTarget.checked)}
        />
        <Text size="xs" c="dimmed">
          {t.linesRead(count(lines.length, language))}
        </Text>
      </Group>
      {lines.length > 0 ? (
        <LogLines lines={lines} follow={follow} leave={() => setFollow(false)} />
      ) : (
        <Text size="sm">{t.noLinesOfLevel}</Text>
      )}
    </>
  );
}
