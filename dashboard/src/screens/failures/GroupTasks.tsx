import { Text } from "@mantine/core";
import { PagedList, usePages } from "../../components/Pages";
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
  const none = (
    <Text size="sm" c="dimmed">
      {t.noTasks}
    </Text>
  );
  return (
    <PagedList query={query} pages={pages} empty={none} lines={3}>
      {(rows) => <TaskTable tasks={rows} label={t.itsTasks} columns={COLUMNS} />}
    </PagedList>
  );
}
