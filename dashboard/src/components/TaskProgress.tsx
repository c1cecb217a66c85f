import { Group, Progress, Text } from "@mantine/core";
import type { Task } from "../api/types";
import { wholePercent } from "../lib/format";
import { common } from "../text/common";
import { useLanguage, useText } from "../text/language";
import { shownProgress } from "./progressShown";
import { COLORS } from "./StatusBadge";

interface Props {
  task: Task;
  /** What is shown of it, in percent; null is a dash. */
  progress?: number | null;
}

/** How far a task is, in one line. */
export function TaskProgress({ task, progress = shownProgress(task) }: Props) {
  const t = useText(common);
  const { language } = useLanguage();
  if (progress === null) return <span>–</span>;
  return (
    <Group gap="xs" wrap="nowrap">
      <Progress
        value={Math.floor(progress)}
        color={COLORS[task.status]}
        animated={task.status === "running"}
        flex={1}
        miw={40}
        aria-label={t.progress}
      />
      <Text size="xs" ff="monospace" w={38} ta="right">
        {wholePercent(progress, language)}
      </Text>
    </Group>
  );
}
