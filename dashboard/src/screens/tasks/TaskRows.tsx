import { Box, Button, Group, Stack, Text } from "@mantine/core";
import { IconArrowUp } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import type { Task } from "../../api/types";
import { PageButtons, type Pages } from "../../components/Pages";
import type { Sheet } from "../../components/sheet";
import { type TaskColumn, TaskTable } from "../../components/TaskTable";
import type { Filters } from "../../lib/address";
import { count } from "../../lib/format";
import { useLiveTasks, useNewest } from "../../live/hooks";
import { useLanguage, useText } from "../../text/language";
import { BulkBar } from "./BulkBar";
import { fits, unseen } from "./fits";
import { NoTasks } from "./NoTasks";
import * as selecting from "./selection";
import { words } from "./text";
import type { Show } from "./useFilters";
import { useMarker } from "./useMarker";
import { LIST, useFollow } from "./useTasks";

interface Props {
  filters: Filters;
  show: Show;
  page: Sheet<Task>;
  /** Another page, or one of other filters, is on its way. */
  old: boolean;
  pages: Pages;
  /** How many match; null until it is known. */
  total: number | null;
  columns: readonly TaskColumn[];
  selection: selecting.Selection;
  select: (selection: selecting.Selection) => void;
}

/** A page of tasks, with what can be done with the selected ones. */
export function TaskRows(props: Props) {
  const { filters, show, page, old, pages, total, columns, selection, select } = props;
  const t = useText(words);
  const box = useRef<HTMLDivElement>(null);
  const { attended, handlers } = useAttention();
  const ids = page.rows.map((task) => task.id);
  const empty = ids.length === 0;
  const idle = (empty || !attended) && selecting.isNothing(selection) && !old;
  const fresh = useFresh(page, filters, pages.number === 1, idle);
  const toggle = (id: string) => select(selecting.toggle(selection, id, ids));
  const marked = useMarker(ids, box, toggle);
  const further = page.next !== null || pages.number > 1;
  return (
    <Stack gap="xs">
      {/* As high with a selection as without one, so that the rows stay where they are. */}
      <Group mih={34} gap="xs">
        {selecting.isNothing(selection) ? (
          <State total={total} fresh={idle ? 0 : fresh} />
        ) : (
          <BulkBar
            filters={filters}
            selection={selection}
            select={select}
            total={total}
            offered={further && selecting.isPageSelected(selection, ids)}
          />
        )}
      </Group>
      <Box ref={box} opacity={old ? 0.6 : 1} {...handlers}>
        {empty ? (
          <NoTasks filters={filters} show={show} pages={pages} />
        ) : (
          <TaskTable
            label={t.list}
            tasks={page.rows}
            columns={columns}
            marked={marked}
            selection={{
              isSelected: (id) => selecting.isSelected(selection, id),
              toggle,
              togglePage: () => select(selecting.togglePage(selection, ids)),
            }}
          />
        )}
      </Box>
      <PageButtons pages={pages} next={page.next} busy={old} />
    </Stack>
  );
}

/** How many there are, and, where rows are not to move by themselves, how many have come. */
function State({ total, fresh }: { total: number | null; fresh: number }) {
  const t = useText(words);
  const { language } = useLanguage();
  const client = useQueryClient();
  return (
    <>
      <Text size="sm" c="dimmed" miw={80}>
        {total === null ? "…" : t.total(total, count(total, language))}
      </Text>
      {fresh > 0 && (
        <Button
          size="compact-xs"
          variant="light"
          leftSection={<IconArrowUp size={12} aria-hidden />}
          onClick={() => void client.invalidateQueries({ queryKey: LIST })}
        >
          {t.fresh(fresh)}
        </Button>
      )}
    </>
  );
}

/** Whether the pointer or the keyboard is at the rows: then they do not move by themselves. */
function useAttention() {
  const [pointer, setPointer] = useState(false);
  const [focus, setFocus] = useState(false);
  const handlers = {
    onPointerEnter: () => setPointer(true),
    onPointerLeave: () => setPointer(false),
    onFocus: () => setFocus(true),
    onBlur: () => setFocus(false),
  };
  return { attended: pointer || focus, handlers };
}

/** How many tasks belong to the first page and are not on it; loads them while nobody looks. */
function useFresh(page: Sheet<Task>, filters: Filters, first: boolean, idle: boolean): number {
  const live = useLiveTasks();
  const rows = useNewest(page.rows);
  const isDeleted = useDeleted(page.rows);
  const come = useMemo(
    () => (first ? unseen(live.values(), rows, page.next !== null, filters) : []),
    [first, live, rows, page.next, filters],
  );
  const gone = rows.filter((task) => isDeleted(task) || (first && !fits(task, filters)));
  const news = [...come, ...gone].map((task) => task.id).join();
  useFollow(news, idle);
  return come.length;
}

/** Whether a row is one of which the stream has told, and tells no more. */
function useDeleted(rows: readonly Task[]): (task: Task) => boolean {
  const live = useLiveTasks();
  const told = useRef(new Set<string>());
  for (const { id } of rows) if (live.has(id)) told.current.add(id);
  return ({ id }) => told.current.has(id) && !live.has(id);
}
