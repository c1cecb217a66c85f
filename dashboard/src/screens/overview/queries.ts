/** What the overview asks for, and how often. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import type { ErrorGroup, Health, Queue, Statistics, Task, TaskCount } from "../../api/types";
import { RANGES, type RangeName, rangeBegin } from "../../lib/series";

/** So many lines of what needs attention: the rest is in the lists. */
const NEWEST = 5;

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

export function useQueues() {
  return useQuery({
    queryKey: ["overview", "queues"],
    queryFn: async ({ signal }): Promise<Queue[]> =>
      bodyOf(await api.GET("/api/v1/queues", { signal })),
    refetchInterval: 5_000,
  });
}

export function useOpenFailures() {
  const query = { state: "open", limit: NEWEST } as const;
  return useQuery({
    queryKey: ["overview", "failures"],
    queryFn: async ({ signal }): Promise<ErrorGroup[]> =>
      bodyOf(await api.GET("/api/v1/error-groups", { params: { query }, signal })),
    refetchInterval: 15_000,
  });
}

/** The pending tasks that are oldest, among them those whose time has not come. */
export function useLongestWaiting() {
  return useQuery({
    queryKey: ["overview", "waiting"],
    queryFn: async ({ signal }): Promise<Task[]> => {
      const query = {
        status: ["pending" as const],
        order_by: "created_at" as const,
        order_desc: false,
        limit: NEWEST,
      };
      return bodyOf(await api.GET("/api/v1/tasks/", { params: { query }, signal }));
    },
    refetchInterval: 15_000,
  });
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
