/** What the overview asks for, and how often. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf, nextCursor } from "../../api/client";
import type { ErrorGroup, Health, Statistics, Task, TaskCount } from "../../api/types";
import { RANGES, type RangeName, rangeBegin } from "../../lib/series";
import { areLongest, longestWaits } from "./waiting";

/** So many lines of what needs attention: the rest is in the lists. */
const LINES = 5;
/** How many of the oldest are looked through for those that are due: a few mostly do. */
const FEW = 20;
const MANY = 100;
export const MOST_LOOKED_AT = 500;

/** How many tasks there are by status. */
export function useCount() {
  return useQuery({
    queryKey: ["count"],
    queryFn: async ({ signal }): Promise<TaskCount> =>
      bodyOf(await api.GET("/api/v1/tasks/count", { signal })),
    refetchInterval: 15_000,
  });
}

/** What happened in a range that ends now; the former one until the new one is here. */
export function useStatistics(range: RangeName) {
  return useQuery({
    queryKey: ["stats", "range", range],
    queryFn: async ({ signal }): Promise<Statistics> => {
      const query = { bucket: RANGES[range].bucket, from: rangeBegin(range, Date.now()) };
      return bodyOf(await api.GET("/api/v1/stats", { params: { query }, signal }));
    },
    refetchInterval: 30_000,
    placeholderData: keepPreviousData,
  });
}

export function useOpenFailures() {
  const query = { state: "open", limit: LINES } as const;
  return useQuery({
    queryKey: ["overview", "failures"],
    queryFn: async ({ signal }): Promise<ErrorGroup[]> =>
      bodyOf(await api.GET("/api/v1/error-groups", { params: { query }, signal })),
    refetchInterval: 15_000,
  });
}

export interface Waits {
  /** The longest wait first. */
  readonly tasks: readonly Task[];
  /** There are more pending tasks than were looked at. */
  readonly more: boolean;
}

/** The tasks that are due and have waited longest. */
export function useLongestWaits() {
  return useQuery({
    queryKey: ["overview", "waits"],
    queryFn: ({ signal }) => readWaits(signal),
    refetchInterval: 15_000,
  });
}

/** The API cannot be asked for what is due: it is sought among the oldest. */
async function readWaits(signal: AbortSignal): Promise<Waits> {
  const order = { order_by: "created_at", order_desc: false } as const;
  const pending: Task[] = [];
  let cursor: string | null = null;
  for (;;) {
    const limit = pending.length === 0 ? FEW : MANY;
    const query = { status: ["pending" as const], ...order, limit, cursor };
    const answer = await api.GET("/api/v1/tasks/", { params: { query }, signal });
    pending.push(...bodyOf(answer));
    cursor = nextCursor(answer.response);
    const tasks = longestWaits(pending, Date.now(), LINES);
    const last = pending.at(-1);
    const isAll = last === undefined || cursor === null || areLongest(tasks, LINES, last);
    if (isAll || pending.length >= MOST_LOOKED_AT) return { tasks, more: !isAll };
  }
}

/** Whether the system can work. Needs no right; a 503 is an answer too, with its reasons. */
export function useHealth() {
  return useQuery({
    queryKey: ["health"],
    queryFn: async ({ signal }): Promise<Health> => {
      const response = await fetch("/health/ready", { signal });
      return (await response.json()) as Health;
    },
    refetchInterval: 15_000,
    retry: false,
  });
}
