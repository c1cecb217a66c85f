import { Button, Checkbox, Popover, Stack } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import { useState } from "react";
import { useSession } from "../../api/session";
import { DEFAULT_COLUMNS, TASK_COLUMNS, type TaskColumn } from "../../components/TaskTable";
import { readColumns, saveColumns } from "../../lib/views";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";

type Columns = readonly TaskColumn[];

/** The columns that this browser shows, and how they become others. */
export function useColumns(): [Columns, (columns: Columns) => void] {
  const [columns, setColumns] = useState<Columns>(
    () => readColumns(localStorage, TASK_COLUMNS) ?? DEFAULT_COLUMNS,
  );
  function choose(next: Columns) {
    saveColumns(localStorage, next);
    setColumns(next);
  }
  return [columns, choose];
}

interface Props {
  columns: Columns;
  choose: (columns: Columns) => void;
}

/** Which columns the list has. The name is always there: it leads to the task. */
export function ColumnsMenu({ columns, choose }: Props) {
  const t = useText(words);
  const c = useText(common);
  const { role } = useSession();
  const [open, setOpen] = useState(false);
  // A user sees tasks of one owner only.
  const offered = TASK_COLUMNS.filter((name) => name !== "owner" || role !== "user");
  function change(chosen: readonly string[]) {
    choose(TASK_COLUMNS.filter((name) => name === "name" || chosen.includes(name)));
  }
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" trapFocus returnFocus>
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconColumns3 size={14} aria-hidden />}
          onClick={() => setOpen(!open)}
        >
          {t.columns}
        </Button>
      </Popover.Target>
      <Popover.Dropdown mah="calc(100dvh - 140px)" style={{ overflowY: "auto" }}>
        <Stack gap="xs">
          <Checkbox.Group value={[...columns]} onChange={change} label={t.columns}>
            <Stack gap={6}>
              {offered.map((name) => (
                <Checkbox
                  key={name}
                  size="xs"
                  value={name}
                  label={c[name]}
                  disabled={name === "name"}
                />
              ))}
            </Stack>
          </Checkbox.Group>
          <Button size="compact-xs" variant="subtle" onClick={() => choose(DEFAULT_COLUMNS)}>
            {t.usualColumns}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
