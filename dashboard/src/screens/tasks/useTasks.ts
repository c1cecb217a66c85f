/** What the list of tasks asks the API, and when it asks again. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { api, bodyOf } from "../../api/client";
import { useRefreshOn } from "../../api/queries";
import type { Task, TaskCount, TaskStatus } from "../../api/types";
import { type Sheet, sheetOf } from "../../components/sheet";
import { conditions, type Filters, isEmpty, writeFilters } from "../../lib/address";
import { useConnection } from "../../live/hooks";

export const LIST = ["tasks", "list"] as const;
const PAGE_SIZE = 50;
/** Without the stream the list is asked for again so often. */
const ALONE_MS = 10_000;
/** A count that is kept costs nothing; one with filters may read much of the table. */
const COUNT_MS = { kept: 10_000, read: 60_000 } as const;

/** A page of the tasks that match; while another one is on its way, the one before it. */
export function useTaskPage(filters: Filters, cursor: string | null) {
  const live = useConnection() === "live";
  return useQuery({
    queryKey: [...LIST, writeFilters(filters).toString(), cursor],
    queryFn: async ({ signal }): Promise<Sheet<Task>> => {
      const query = { ...conditions(filters), limit: PAGE_SIZE, cursor };
      const answer = await api.GET("/api/v1/tasks/", { signal, params: { query } });
      return sheetOf(answer);
    },
    placeholderData: keepPreviousData,
    refetchInterval: live ? false : ALONE_MS,
  });
}

export interface Counts {
  /** How many match; null until it is known. */
  readonly total: number | null;
  /** Of each status, also of those that are not chosen where that costs nothing. */
  readonly byStatus: Partial<Record<TaskStatus, number>>;
}

/** How many tasks match. Asked for apart from the rows, so that it never delays them. */
export function useCounts(filters: Filters): Counts {
  const kept = isEmpty({ ...filters, status: [] });
  // Of all statuses, where only those are restricted: the API keeps these counts.
  const asked = kept ? { status: [] } : filters;
  const { data } = useQuery({
    queryKey: ["tasks", "count", writeFilters(asked).toString()],
    queryFn: async ({ signal }): Promise<TaskCount> =>
      bodyOf(
        await api.GET("/api/v1/tasks/count", { signal, params: { query: conditions(asked) } }),
      ),
    staleTime: COUNT_MS.kept / 2,
    refetchInterval: kept ? COUNT_MS.kept : COUNT_MS.read,
  });
  if (data === undefined) return { total: null, byStatus: {} };
  const { total, ...all } = data;
  if (kept) return { total: sum(all, filters.status) ?? total, byStatus: all };
  return { total, byStatus: chosen(all, filters.status) };
}

/** Asks for the rows anew when `news` has changed and is not empty, unless somebody is at them. */
export function useFollow(news: string, allowed: boolean): void {
  const told = useRef({ news: "", version: 0 });
  if (allowed && news !== told.current.news) {
    told.current = { news, version: told.current.version + (news === "" ? 0 : 1) };
  }
  useRefreshOn(told.current.version, LIST);
}

type ByStatus = Omit<TaskCount, "total">;

function sum(all: ByStatus, statuses: readonly string[]): number | null {
  if (statuses.length === 0) return null;
  return statuses.reduce((total, status) => total + all[status as TaskStatus], 0);
}

function chosen(all: ByStatus, statuses: readonly string[]): Partial<ByStatus> {
  if (statuses.length === 0) return all;
  return Object.fromEntries(Object.entries(all).filter(([status]) => statuses.includes(status)));
}
