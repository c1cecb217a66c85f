/** Error groups of the API. */
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { ROWS, useRefreshOn, useSheet } from "../../api/queries";
import type { ErrorGroup, ErrorGroupDetail, Task } from "../../api/types";
import { useLiveVersion } from "../../live/hooks";
import { type GroupFilters, groupQuery } from "./filters";

/** How the keys of all these answers begin. */
export const GROUPS = ["error-groups"] as const;

const EVERY_MS = 10_000;
/** Groups follow what happens by a few seconds: asking more often would tell nothing new. */
const AFTER_CHANGE_MS = 5_000;

/** Ask again for groups when tasks change. */
export function useFreshGroups(): void {
  useRefreshOn(useLiveVersion(), GROUPS, AFTER_CHANGE_MS);
}

/** A page of groups, newest seen first. */
export function useGroups(filters: GroupFilters, cursor: string | null) {
  const query = { ...groupQuery(filters), limit: ROWS, cursor };
  return useSheet<ErrorGroup>(
    [...GROUPS, "list", filters, cursor],
    (signal) => api.GET("/api/v1/error-groups", { params: { query }, signal }),
    EVERY_MS,
  );
}

/** One group with its traceback. */
export function useGroup(id: string) {
  return useQuery({
    queryKey: [...GROUPS, "one", id],
    queryFn: async ({ signal }): Promise<ErrorGroupDetail> => {
      const params = { path: { group_id: id } };
      return bodyOf(await api.GET("/api/v1/error-groups/{group_id}", { params, signal }));
    },
    refetchInterval: EVERY_MS,
  });
}

/** A page of the tasks that failed so, newest first. */
export function useGroupTasks(id: string, cursor: string | null) {
  const params = { path: { group_id: id }, query: { limit: ROWS, cursor } };
  return useSheet<Task>(
    [...GROUPS, "tasks", id, cursor],
    (signal) => api.GET("/api/v1/error-groups/{group_id}/tasks", { params, signal }),
    EVERY_MS,
  );
}
