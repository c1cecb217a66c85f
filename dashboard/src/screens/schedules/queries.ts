/** Schedules as the API tells them, and what can be done with them. */
import { useQuery } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { api, bodyOf } from "../../api/client";
import { ROWS, useRefresh, useSheet } from "../../api/queries";
import type { Firing, Schedule } from "../../api/types";
import { given } from "../../components/filters";
import type { ScheduleFilters } from "./filters";

/** How the keys of all these answers begin. */
export const SCHEDULES = ["schedules"] as const;
const LIST = [...SCHEDULES, "list"] as const;
/** No stream tells of them. */
const REFRESH_MS = 10_000;

/** A page of the schedules that fit, newest first. */
export function useSchedules(filters: ScheduleFilters, cursor: string | null) {
  const query = { ...given(filters), limit: ROWS, cursor };
  return useSheet<Schedule>(
    [...LIST, filters, cursor],
    (signal) => api.GET("/api/v1/schedules/", { params: { query }, signal }),
    REFRESH_MS,
  );
}

/** One schedule, with the slots to come. */
export function useSchedule(id: string) {
  return useQuery({
    queryKey: [...SCHEDULES, "one", id],
    queryFn: async ({ signal }) => {
      const params = { path: { schedule_id: id } };
      return bodyOf(await api.GET("/api/v1/schedules/{schedule_id}", { params, signal }));
    },
    refetchInterval: REFRESH_MS,
  });
}

/** A page of what became of a schedule's slots, newest first. */
export function useFirings(id: string, cursor: string | null) {
  const params = { path: { schedule_id: id }, query: { limit: ROWS, cursor } };
  return useSheet<Firing>(
    [...SCHEDULES, "history", id, cursor],
    (signal) => api.GET("/api/v1/schedules/{schedule_id}/history", { params, signal }),
    REFRESH_MS,
  );
}

export interface ScheduleActions {
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  /** Makes a task at once, and goes to it. */
  readonly run: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/** What can be done with the schedule of that id. */
export function useScheduleActions(id: string): ScheduleActions {
  const refresh = useRefresh(SCHEDULES);
  const refreshList = useRefresh(LIST);
  const [, go] = useLocation();
  const params = { path: { schedule_id: id } };
  return {
    async pause() {
      await api.POST("/api/v1/schedules/{schedule_id}/pause", { params });
      await refresh();
    },
    async resume() {
      await api.POST("/api/v1/schedules/{schedule_id}/resume", { params });
      await refresh();
    },
    async run() {
      const task = bodyOf(await api.POST("/api/v1/schedules/{schedule_id}/run", { params }));
      void refresh();
      go(`/tasks/${task.id}`);
    },
    async remove() {
      await api.DELETE("/api/v1/schedules/{schedule_id}", { params });
      // Not the one itself: there is no such one any more.
      void refreshList();
    },
  };
}
