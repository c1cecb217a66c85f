import { Anchor, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { api } from "../../api/client";
import { useRefreshOn } from "../../api/queries";
import type { Subtasks, Task } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { COLORS, StatusBadge } from "../../components/StatusBadge";
import { type Sheet, sheetOf } from "../../components/sheet";
import { Failed, Loading } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { TaskProgress } from "../../components/TaskProgress";
import { When } from "../../components/When";
import { STATUSES, tasksAddress } from "../../lib/address";
import { count, wholePercent } from "../../lib/format";
import { useNewest } from "../../live/hooks";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { words } from "./text";
import { taskKey } from "./useTask";

const PAGE = 50;

/** The subtasks of a task: how they stand together, and each. */
export function Children({ task }: { task: Task }) {
  const t = useText(words);
  if (task.subtasks === null) {
    return (
      <Text size="sm" c="dimmed">
        {t.noSubtasks}
      </Text>
    );
  }
  return (
    <Stack gap="sm">
      <Together subtasks={task.subtasks} parent={task.id} />
      <Each task={task} />
    </Stack>
  );
}

function Together({ subtasks, parent }: { subtasks: Subtasks; parent: string }) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const share = 100 / Math.max(1, subtasks.total);
  return (
    <Stack gap="xs">
      {/* The words below say the same. */}
      <Progress.Root size="lg" aria-hidden>
        {STATUSES.map((status) => (
          <Progress.Section
            key={status}
            value={subtasks[status] * share}
            color={COLORS[status]}
            withAria={false}
          />
        ))}
      </Progress.Root>
      <Group gap="md">
        {STATUSES.filter((status) => subtasks[status] > 0).map((status) => (
          <Group key={status} gap={6} wrap="nowrap">
            <StatusBadge status={status} />
            <Anchor
              component={Link}
              href={tasksAddress({ parent_id: parent, status: [status] })}
              size="sm"
              aria-label={`${c.statuses[status]}: ${count(subtasks[status], language)}`}
            >
              {count(subtasks[status], language)}
            </Anchor>
          </Group>
        ))}
        <Text size="sm">
          {c.progress}: {wholePercent(subtasks.progress, language)}
        </Text>
        <Anchor component={Link} href={tasksAddress({ parent_id: parent })} size="sm">
          {t.subtasksAsList} ({count(subtasks.total, language)})
        </Anchor>
      </Group>
    </Stack>
  );
}

async function readPage(
  id: string,
  cursor: string | null,
  signal: AbortSignal,
): Promise<Sheet<Task>> {
  const query = { limit: PAGE, ...(cursor === null ? {} : { cursor }) };
  const params = { path: { task_id: id }, query };
  const answer = await api.GET("/api/v1/tasks/{task_id}/children", { params, signal });
  return sheetOf(answer);
}

function useChildren(task: Task) {
  const key = taskKey(task.id, "children");
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => readPage(task.id, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  useRefreshOn(task.version, key, 5_000);
  return query;
}

function Each({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  const query = useChildren(task);
  const columns = useColumns();
  const read = useMemo(() => query.data?.pages.flatMap(({ rows }) => rows) ?? [], [query.data]);
  const children = useNewest(read);
  if (query.isPending) return <Loading />;
  if (query.isError && children.length === 0) {
    return <Failed error={query.error} again={() => void query.refetch()} />;
  }
  return (
    <>
      <DataTable label={t.subtasks} columns={columns} rows={children} keyOf={(each) => each.id} />
      {query.hasNextPage && (
        <Group>
          <Button
            size="xs"
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {c.loadMore}
          </Button>
        </Group>
      )}
    </>
  );
}

function useColumns(): readonly Column<Task>[] {
  const c = useText(common);
  return [
    { key: "name", header: c.name, cell: (each) => <TaskLink id={each.id} name={each.name} /> },
    {
      key: "status",
      header: c.status,
      width: 136,
      cell: (each) => <StatusBadge status={each.status} />,
    },
    {
      key: "progress",
      header: c.progress,
      width: 170,
      from: "sm",
      cell: (each) => <TaskProgress task={each} />,
    },
    {
      key: "created",
      header: c.created,
      width: 130,
      from: "md",
      cell: (each) => <When at={each.created_at} />,
    },
  ];
}
