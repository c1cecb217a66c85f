/** What waits in a queue: how its bar is divided, and what needs somebody. Pure. */
import type { Depth, Queue } from "../../api/types";

export interface Level {
  readonly name: keyof Depth;
  /** The API's number. */
  readonly priority: number;
  readonly color: string;
}

/** The most urgent first. */
export const LEVELS: readonly Level[] = [
  { name: "critical", priority: 4, color: "red" },
  { name: "high", priority: 3, color: "orange" },
  { name: "normal", priority: 2, color: "blue" },
  { name: "low", priority: 1, color: "gray" },
];

export interface Part extends Level {
  readonly count: number;
  /** Percent of the bar. */
  readonly share: number;
}

/** Percent below which a part could not be seen. */
const LEAST = 4;

/** The parts of a bar: together 100 %, or 0 when nothing waits; whatever waits can be seen. */
export function partsOf(depth: Depth): readonly Part[] {
  const total = LEVELS.reduce((sum, { name }) => sum + depth[name], 0);
  const sizes = LEVELS.map(({ name }) =>
    depth[name] === 0 ? 0 : Math.max(LEAST, (100 * depth[name]) / total),
  );
  const all = sizes.reduce((sum, size) => sum + size, 0);
  return LEVELS.map((level, at) => ({
    ...level,
    count: depth[level.name],
    share: all === 0 ? 0 : (100 * (sizes[at] ?? 0)) / all,
  }));
}

/** Why tasks of a queue do not start, though they are ready. */
export type Need = "unserved" | "paused";

export function needsOf(queue: Queue): readonly Need[] {
  if (queue.depth === 0) return [];
  return [
    ...(queue.workers === 0 ? (["unserved"] as const) : []),
    ...(queue.paused ? (["paused"] as const) : []),
  ];
}
