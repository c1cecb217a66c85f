/** Where the tasks of a dependency graph are drawn: what is needed left of what needs it. */
import type { GraphNode, TaskGraph } from "../../api/types";

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 46;
/** Larger graphs take seconds to lay out, and nobody reads them. */
const MOST_NODES = 120;
const MOST_EDGES = 400;

export interface Placed {
  readonly id: string;
  /** Of its upper left corner. */
  readonly x: number;
  readonly y: number;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly Placed[];
  /** Each as the path of an SVG. */
  readonly edges: readonly string[];
}

export function isDrawable({ nodes, edges }: TaskGraph): boolean {
  return nodes.length > 1 && nodes.length <= MOST_NODES && edges.length <= MOST_EDGES;
}

/** The same as long as the drawing is: progress and statuses do not move anything. */
export function shapeOf({ nodes, edges }: TaskGraph): string {
  const ends = edges.map((edge) => `${edge.needs_id}>${edge.task_id}`);
  return [...nodes.map(({ id }) => id), ...ends].sort().join(" ");
}

/** What the task waits for, and what waits for it, without anything between. */
export function neighbours(
  graph: TaskGraph,
  id: string,
): { needs: readonly GraphNode[]; dependents: readonly GraphNode[]; others: readonly GraphNode[] } {
  const needs = new Set(graph.edges.flatMap((e) => (e.task_id === id ? [e.needs_id] : [])));
  const waiting = new Set(graph.edges.flatMap((e) => (e.needs_id === id ? [e.task_id] : [])));
  return {
    needs: graph.nodes.filter((node) => needs.has(node.id)),
    dependents: graph.nodes.filter((node) => waiting.has(node.id)),
    others: graph.nodes.filter(
      (node) => node.id !== id && !needs.has(node.id) && !waiting.has(node.id),
    ),
  };
}

/** Lays the graph out. What does it is fetched when it is first needed. */
export async function draw({ nodes, edges }: TaskGraph): Promise<Drawing> {
  const { Graph, layout } = await import("@dagrejs/dagre");
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 48, marginx: 4, marginy: 4 });
  for (const { id } of nodes) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { needs_id, task_id } of edges) graph.setEdge(needs_id, task_id, {});
  layout(graph);
  const { width, height } = graph.graph() as { width: number; height: number };
  return {
    width,
    height,
    nodes: nodes.map(({ id }) => {
      const { x, y } = graph.node(id) as { x: number; y: number };
      return { id, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
    }),
    edges: graph.edges().map((edge) => {
      const { points } = graph.edge(edge) as { points: readonly { x: number; y: number }[] };
      return `M${points.map(({ x, y }) => `${Math.round(x)},${Math.round(y)}`).join("L")}`;
    }),
  };
}
