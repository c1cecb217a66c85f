/** Error groups of the API. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { useRefreshOn } from "../../api/queries";
import type { ErrorGroup, ErrorGroupDetail, Task } from "../../api/types";
import { type Sheet, sheetOf } from "../../components/sheet";
import { useLiveVersion } from "../../live/hooks";
import { type GroupFilters, groupQuery } from "./filters";

/** How the keys of all these answers begin. */
export const GROUPS = ["error-groups"] as const;

const EVERY_MS = 10_000;
/** Groups follow what happens by a few seconds: asking more often would tell nothing new. */
const AFTER_CHANGE_MS = 5_000;
const ROWS = 50;

/** Ask again for groups when tasks change. */
export function useFreshGroups(): void {
  useRefreshOn(useLiveVersion(), GROUPS, AFTER_CHANGE_MS);
}

/** A page of groups, newest seen first. */
export function useGroups(filters: GroupFilters, cursor: string | null) {
  return useQuery({
    queryKey: [...GROUPS, "list", filters, cursor],
    queryFn: async ({ signal }): Promise<Sheet<ErrorGroup>> => {
      const query = { ...groupQuery(filters), limit: ROWS, cursor };
      const answer = await api.GET("/api/v1/error-groups", { params: { query }, signal });
      return sheetOf(answer);
    },
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** One group with its traceback. */
export function useGroup(id: string) {
  return useQuery({
    queryKey: [...GROUPS, "one", id],
    queryFn: async ({ signal }): Promise<ErrorGroupDetail> =>
      bodyOf(
        await api.GET("/api/v1/error-groups/{group_id}", {
          params: { path: { group_id: id } },
          signal,
        }),
      ),
    refetchInterval: EVERY_MS,
  });
}

/** A page of the tasks that failed so, newest first. */
export function useGroupTasks(id: string, cursor: string | null) {
  return useQuery({
    queryKey: [...GROUPS, "tasks", id, cursor],
    queryFn: async ({ signal }): Promise<Sheet<Task>> => {
      const answer = await api.GET("/api/v1/error-groups/{group_id}/tasks", {
        params: { path: { group_id: id }, query: { limit: ROWS, cursor } },
        signal,
      });
      return sheetOf(answer);
    },
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
  });
}
