import { Box, Group } from "@mantine/core";
import type { TaskStatus } from "../../api/types";
import { StatusBadge } from "../../components/StatusBadge";
import { TaskLink } from "../../components/TaskLink";

interface Props {
  task: { readonly id: string; readonly name: string; readonly status: TaskStatus };
}

/** Another task on one line: how it is, and its name that leads to it. */
export function TaskLine({ task }: Props) {
  return (
    <Group gap="xs" wrap="nowrap" miw={0}>
      <Box flex="none">
        <StatusBadge status={task.status} />
      </Box>
      <TaskLink id={task.id} name={task.name} />
    </Group>
  );
}
