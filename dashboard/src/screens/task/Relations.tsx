import { Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { useRefreshOn } from "../../api/queries";
import type { GraphNode, Task, TaskGraph } from "../../api/types";
import { Panel } from "../../components/Panel";
import { Answer } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { useText } from "../../text/language";
import { Children } from "./Children";
import { Graph } from "./Graph";
import { isDrawable, neighbours } from "./graphLayout";
import { TaskLine } from "./TaskLine";
import { words } from "./text";
import { isFinished, taskKey } from "./useTask";

/** What a task has to do with others. */
export function Relations({ task }: { task: Task }) {
  const t = useText(words);
  return (
    <Stack gap="md">
      <Panel title={t.dependencies}>
        <Dependencies task={task} />
      </Panel>
      <Panel title={t.subtasks}>
        <Children task={task} />
      </Panel>
      <Origin task={task} />
    </Stack>
  );
}

/** Where the task comes from, when it comes from another one. */
function Origin({ task }: { task: Task }) {
  const t = useText(words);
  if (!task.parent_id && !task.retry_of) return null;
  return (
    <Panel title={t.family}>
      {task.parent_id && <From label={t.fact.parent} id={task.parent_id} />}
      {task.retry_of && <From label={t.fact.retryOf} id={task.retry_of} />}
    </Panel>
  );
}

function From({ label, id }: { label: string; id: string }) {
  return (
    <Group gap="xs" miw={0}>
      <Text size="sm">{label}</Text>
      <TaskLink id={id} />
    </Group>
  );
}

const GRAPH_MS = 5_000;

function useGraph(task: Task) {
  const key = taskKey(task.id, "graph");
  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<TaskGraph> =>
      bodyOf(
        await api.GET("/api/v1/tasks/{task_id}/graph", {
          params: { path: { task_id: task.id } },
          signal,
        }),
      ),
    // The others change without this one; when all have finished, nothing does.
    refetchInterval: ({ state }) =>
      state.data?.nodes.some((node) => !isFinished(node)) ? GRAPH_MS : false,
  });
  useRefreshOn(task.version, key, GRAPH_MS);
  return query;
}

function Dependencies({ task }: { task: Task }) {
  const t = useText(words);
  const query = useGraph(task);
  return (
    <Answer query={query}>
      {(graph) =>
        graph.nodes.length < 2 ? (
          <Text size="sm" c="dimmed">
            {t.alone}
          </Text>
        ) : (
          <Connected graph={graph} id={task.id} />
        )
      }
    </Answer>
  );
}

/** The drawing, and the same as lists, which are all that a narrow window shows. */
function Connected({ graph, id }: { graph: TaskGraph; id: string }) {
  const t = useText(words);
  const { needs, dependents, others } = neighbours(graph, id);
  return (
    <Stack gap="sm">
      {graph.truncated && <Text size="sm">{t.truncated}</Text>}
      {isDrawable(graph) ? <Graph graph={graph} id={id} /> : <Text size="sm">{t.tooLarge}</Text>}
      <Nodes title={t.needs} nodes={needs} />
      <Nodes title={t.dependents} nodes={dependents} />
      <Nodes title={t.others} nodes={others} />
    </Stack>
  );
}

/** More are a wall that nobody reads. */
const MOST = 50;

function Nodes({ title, nodes }: { title: string; nodes: readonly GraphNode[] }) {
  const t = useText(words);
  if (nodes.length === 0) return null;
  const rest = nodes.length - MOST;
  return (
    <Stack gap={4} component="section" aria-label={title}>
      <Text size="sm" fw={600}>
        {title} ({nodes.length})
      </Text>
      {nodes.slice(0, MOST).map((node) => (
        <TaskLine key={node.id} task={node} />
      ))}
      {rest > 0 && (
        <Text size="sm" c="dimmed">
          {t.moreTasks(rest)}
        </Text>
      )}
    </Stack>
  );
}
