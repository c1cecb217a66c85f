import { Group, Progress, Stack, Text } from "@mantine/core";
import type { Task } from "../api/types";
import { common } from "../text/common";
import { useText } from "../text/language";
import { COLORS } from "./StatusBadge";

/** How far a task is; its message below, where there is room. */
export function TaskProgress({ task, message = false }: { task: Task; message?: boolean }) {
  const t = useText(common);
  return (
    <Stack gap={2}>
      <Group gap="xs" wrap="nowrap">
        <Progress
          value={task.progress}
          color={COLORS[task.status]}
          animated={task.status === "running"}
          flex={1}
          miw={40}
          aria-label={t.progress}
        />
        <Text size="xs" ff="monospace" w={38} ta="right">
          {Math.floor(task.progress)} %
        </Text>
      </Group>
      {message && task.progress_message && (
        <Text size="sm" c="dimmed" className="breaks">
          {task.progress_message}
        </Text>
      )}
    </Stack>
  );
}
