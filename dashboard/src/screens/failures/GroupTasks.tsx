import { Text } from "@mantine/core";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer } from "../../components/states";
import { type TaskColumn, TaskTable } from "../../components/TaskTable";
import { useText } from "../../text/language";
import { words } from "./text";
import { useGroupTasks } from "./useGroups";

const COLUMNS: readonly TaskColumn[] = ["status", "name", "attempt", "worker", "created", "ended"];

/** The tasks that failed so, newest first, whatever became of them. */
export function GroupTasks({ id }: { id: string }) {
  const t = useText(words);
  const pages = usePages(id);
  const query = useGroupTasks(id, pages.cursor);
  return (
    <Answer query={query} lines={3}>
      {({ rows, next }) => (
        <>
          {rows.length > 0 ? (
            <TaskTable tasks={rows} label={t.itsTasks} columns={COLUMNS} />
          ) : (
            <Text size="sm" c="dimmed">
              {t.noTasks}
            </Text>
          )}
          <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
        </>
      )}
    </Answer>
  );
}
