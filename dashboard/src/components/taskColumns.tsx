/** The columns that a table of tasks can have. */
import { Badge, Group, Text } from "@mantine/core";
import type { Task } from "../api/types";
import { clip, duration, shortName } from "../lib/format";
import { runSeconds, waitSeconds } from "../lib/task-times";
import type { common } from "../text/common";
import type { Column, From } from "./DataTable";
import { StatusBadge } from "./StatusBadge";
import { TaskLink } from "./TaskLink";
import { TaskProgress } from "./TaskProgress";
import { UserName } from "./UserName";
import { useNow, When } from "./When";

export const TASK_COLUMNS = [
  "status",
  "name",
  "function",
  "type",
  "queue",
  "priority",
  "progress",
  "created",
  "started",
  "ended",
  "wait",
  "duration",
  "attempt",
  "worker",
  "owner",
  "reason",
  "tags",
] as const;

export type TaskColumn = (typeof TASK_COLUMNS)[number];

export const DEFAULT_COLUMNS: readonly TaskColumn[] = [
  "status",
  "name",
  "function",
  "queue",
  "progress",
  "created",
  "duration",
];

/** What the name gets at least, which has what the others leave. */
const NAME_WIDTH = 140;
const TAGS_SHOWN = 3;
const LONGEST = 300;

type Cells = Record<TaskColumn, Omit<Column<Task>, "key" | "header">>;

const CELLS: Cells = {
  status: { width: 136, cell: ({ status }) => <StatusBadge status={status} /> },
  name: { cell: ({ id, name }) => <TaskLink id={id} name={name} /> },
  function: {
    width: 150,
    from: "lg",
    cell: ({ celery_task_name: path }) => <Cell text={shortName(path)} title={path} />,
  },
  type: { width: 110, from: "lg", cell: (task) => <Cell text={task.task_type} /> },
  queue: { width: 100, from: "lg", cell: (task) => <Cell text={task.queue} /> },
  priority: { width: 90, from: "lg", cell: (task) => <Cell text={String(task.priority)} /> },
  progress: { width: 124, from: "sm", cell: (task) => <TaskProgress task={task} /> },
  created: { width: 116, from: "sm", cell: (task) => <When at={task.created_at} /> },
  started: { width: 116, from: "md", cell: (task) => <When at={task.started_at} /> },
  ended: { width: 116, from: "md", cell: (task) => <When at={task.completed_at} /> },
  wait: { width: 104, from: "md", align: "right", cell: (task) => <Wait task={task} /> },
  duration: { width: 104, from: "md", align: "right", cell: (task) => <Run task={task} /> },
  attempt: {
    width: 80,
    from: "md",
    align: "right",
    cell: (task) => `${task.attempt} / ${task.max_attempts}`,
  },
  worker: { width: 140, from: "lg", cell: (task) => <Cell text={task.worker ?? "–"} /> },
  owner: {
    width: 150,
    from: "md",
    cell: (task) => <UserName id={task.user_id} more={task.owner_ref} />,
  },
  reason: { width: 140, from: "lg", cell: (task) => <Cell text={task.reason ?? "–"} /> },
  tags: { width: 160, from: "lg", cell: (task) => <Tags tags={task.tags} /> },
};

/** These columns, with their headings. */
export function taskColumns(
  names: readonly TaskColumn[],
  t: (typeof common)["en"],
): readonly Column<Task>[] {
  return names.map((name) => {
    const column = { ...CELLS[name], key: name, header: t[name] };
    if (name !== "priority") return column;
    return { ...column, cell: (task: Task) => <Cell text={t.priorities[task.priority] ?? "–"} /> };
  });
}

/** Pixels that columns need at least, by the width of the window from which they are shown. */
export function roomFor(columns: readonly Column<Task>[]) {
  function room(...from: (From | undefined)[]): number {
    const shown = columns.filter((column) => from.includes(column.from));
    const widths = shown.map(({ width }) => (typeof width === "number" ? width : NAME_WIDTH));
    return widths.reduce((sum, width) => sum + width, 0);
  }
  return {
    base: room(undefined),
    sm: room(undefined, "sm"),
    md: room(undefined, "sm", "md"),
    lg: room(undefined, "sm", "md", "lg"),
  };
}

function Cell({ text, title = text }: { text: string; title?: string }) {
  return (
    <Text component="span" size="sm" className="one-line" title={clip(title, LONGEST)}>
      {clip(text, LONGEST)}
    </Text>
  );
}

function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <Group gap={4} wrap="nowrap" title={clip(tags.join(", "), LONGEST)}>
      {tags.slice(0, TAGS_SHOWN).map((tag) => (
        <Badge key={tag} size="sm" variant="default" tt="none" miw={0}>
          {clip(tag, 40)}
        </Badge>
      ))}
      {tags.length > TAGS_SHOWN && (
        <Text component="span" size="xs" flex="none">
          +{tags.length - TAGS_SHOWN}
        </Text>
      )}
    </Group>
  );
}

function Wait({ task }: { task: Task }) {
  if (task.status === "pending") return <Ticking task={task} seconds={dueSeconds} />;
  return <span>{duration(waitSeconds(task, 0))}</span>;
}

function Run({ task }: { task: Task }) {
  if (task.status === "running") return <Ticking task={task} seconds={runSeconds} />;
  return <span>{duration(runSeconds(task, 0))}</span>;
}

/** Null before its time has come: until then it is not waiting for anything. */
function dueSeconds(task: Task, now: number): number | null {
  return waitSeconds(task, now) || null;
}

interface TickingProps {
  task: Task;
  seconds: (task: Task, now: number) => number | null;
}

/** Goes on second by second; apart, so that only what is going on is drawn again. */
function Ticking({ task, seconds }: TickingProps) {
  const value = seconds(task, useNow());
  return <span>{duration(value === null ? null : Math.floor(value))}</span>;
}
