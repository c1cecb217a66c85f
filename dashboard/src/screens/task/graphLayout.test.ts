import { expect, test } from "vitest";
import type { TaskGraph } from "../../api/types";
import { draw, isDrawable, neighbours, shapeOf } from "./graphLayout";

function graph(ids: string, edges: readonly string[]): TaskGraph {
  return {
    nodes: [...ids].map((id) => ({ id, name: id, status: "pending", reason: null, progress: 0 })),
    edges: edges.map((edge) => ({ needs_id: edge.charAt(0), task_id: edge.charAt(1) })),
    truncated: false,
  };
}

const DIAMOND = graph("abcd", ["ab", "ac", "bd", "cd"]);

test("what is needed stands left of what needs it", async () => {
  const { nodes, edges } = await draw(DIAMOND);
  const [a, b, c, d] = nodes.map(({ x }) => x);
  expect(a).toBeLessThan(b ?? 0);
  expect(b).toBe(c);
  expect(b).toBeLessThan(d ?? 0);
  expect(edges).toHaveLength(4);
});

test("everything is inside the drawing, and apart from the rest", async () => {
  const { width, height, nodes } = await draw(DIAMOND);
  expect(nodes.every(({ x, y }) => x >= 0 && y >= 0 && x < width && y < height)).toBe(true);
  expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(4);
});

test("one task alone is no drawing, and neither is a crowd", () => {
  expect(isDrawable(graph("a", []))).toBe(false);
  expect(isDrawable(DIAMOND)).toBe(true);
  expect(isDrawable(graph("x".repeat(500), []))).toBe(false);
});

test("progress does not move anything", () => {
  const later = {
    ...DIAMOND,
    nodes: DIAMOND.nodes.map((node) => ({ ...node, status: "running" as const, progress: 50 })),
  };
  expect(shapeOf(later)).toBe(shapeOf(DIAMOND));
  expect(shapeOf(graph("abcd", ["ab"]))).not.toBe(shapeOf(DIAMOND));
});

test("neighbours are told apart from what is further away", () => {
  const { needs, dependents, others } = neighbours(DIAMOND, "b");
  expect([needs, dependents, others].map((each) => each.map(({ id }) => id))).toEqual([
    ["a"],
    ["d"],
    ["c"],
  ]);
});
