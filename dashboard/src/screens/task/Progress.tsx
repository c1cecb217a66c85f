import { Stack, Text } from "@mantine/core";
import type { Task } from "../../api/types";
import { Panel } from "../../components/Panel";
import { ownProgress } from "../../components/progressShown";
import { TaskProgress } from "../../components/TaskProgress";
import { common } from "../../text/common";
import { useText } from "../../text/language";

/** How far a task is, and what it says of it itself; nothing while there is nothing to say. */
export function Progress({ task }: { task: Task }) {
  const c = useText(common);
  const progress = ownProgress(task);
  if (progress === null && !task.progress_message) return null;
  return (
    <Panel title={c.progress}>
      <Stack gap={2}>
        {progress !== null && <TaskProgress task={task} progress={progress} />}
        {task.progress_message && (
          <Text size="sm" c="dimmed" className="breaks">
            {task.progress_message}
          </Text>
        )}
      </Stack>
    </Panel>
  );
}
