import { Box, Checkbox } from "@mantine/core";
import type { Task } from "../api/types";
import { clip } from "../lib/format";
import { useNewest } from "../live/hooks";
import { common } from "../text/common";
import { useText } from "../text/language";
import { type Column, DataTable } from "./DataTable";
import { DEFAULT_COLUMNS, roomFor, type TaskColumn, taskColumns } from "./taskColumns";
import { words } from "./taskTableText";

export { DEFAULT_COLUMNS, TASK_COLUMNS, type TaskColumn } from "./taskColumns";

/** Which rows are selected, and what a click on a row's box does. */
export interface RowSelection {
  readonly isSelected: (id: string) => boolean;
  readonly toggle: (id: string) => void;
  readonly togglePage: () => void;
}

interface Props {
  tasks: readonly Task[];
  /** What the tasks are, for those who hear the page. */
  label: string;
  columns?: readonly TaskColumn[];
  /** Id of the task the keyboard is at. */
  marked?: string | null;
  /** With it each row has a box to select it. */
  selection?: RowSelection;
}

/** Rows of tasks, each as it is now. Where columns do not fit, the table scrolls, not the page. */
export function TaskTable({ tasks, label, columns = DEFAULT_COLUMNS, marked, selection }: Props) {
  const t = useText(common);
  const rows = useNewest(tasks);
  const boxes = useBoxes(rows, selection);
  const shown = [...boxes, ...taskColumns(columns, t)];
  return (
    <Box style={{ overflowX: "auto" }}>
      <Box miw={roomFor(shown)}>
        <DataTable
          label={label}
          columns={shown}
          rows={rows}
          keyOf={(task) => task.id}
          isMarked={(task) => task.id === marked}
        />
      </Box>
    </Box>
  );
}

function useBoxes(
  rows: readonly Task[],
  selection: RowSelection | undefined,
): readonly Column<Task>[] {
  const t = useText(words);
  if (selection === undefined) return [];
  const { isSelected, toggle, togglePage } = selection;
  const selected = rows.filter((task) => isSelected(task.id)).length;
  return [
    {
      key: "select",
      width: 40,
      header: (
        <Checkbox
          size="xs"
          aria-label={t.selectPage}
          checked={selected > 0 && selected === rows.length}
          indeterminate={selected > 0 && selected < rows.length}
          onChange={togglePage}
        />
      ),
      cell: (task) => (
        <Checkbox
          size="xs"
          aria-label={t.select(clip(task.name, 100))}
          checked={isSelected(task.id)}
          onChange={() => toggle(task.id)}
        />
      ),
    },
  ];
}
