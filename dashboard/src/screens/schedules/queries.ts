/** Schedules as the API tells them, and what can be done with them. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import type { Firing, Schedule, Task } from "../../api/types";
import { type Sheet, sheetOf } from "../../components/sheet";
import type { ScheduleFilters } from "./filters";

const SCHEDULES = ["schedules"] as const;
/** No stream tells of them. */
const REFRESH_MS = 10_000;
const PAGE = 50;

/** A page of the schedules that fit, newest first. */
export function useSchedules(filters: ScheduleFilters, cursor: string | null) {
  return useQuery({
    queryKey: [...SCHEDULES, "list", filters, cursor],
    queryFn: async ({ signal }): Promise<Sheet<Schedule>> => {
      const query = { ...filters, limit: PAGE, cursor };
      const answer = await api.GET("/api/v1/schedules/", { params: { query }, signal });
      return sheetOf(answer);
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
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
  return useQuery({
    queryKey: [...SCHEDULES, "history", id, cursor],
    queryFn: async ({ signal }): Promise<Sheet<Firing>> => {
      const query = { limit: PAGE, cursor };
      const params = { path: { schedule_id: id }, query };
      const path = "/api/v1/schedules/{schedule_id}/history";
      const answer = await api.GET(path, { params, signal });
      return sheetOf(answer);
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

/** Ask for all of them again. */
export function useRefreshSchedules(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: SCHEDULES });
}

export interface ScheduleActions {
  readonly pause: (id: string) => Promise<void>;
  readonly resume: (id: string) => Promise<void>;
  /** Makes a task at once. */
  readonly run: (id: string) => Promise<Task>;
  readonly remove: (id: string) => Promise<void>;
}

export function useScheduleActions(): ScheduleActions {
  const client = useQueryClient();
  const refresh = useRefreshSchedules();
  const of = (id: string) => ({ params: { path: { schedule_id: id } } });
  return {
    async pause(id) {
      await api.POST("/api/v1/schedules/{schedule_id}/pause", of(id));
      await refresh();
    },
    async resume(id) {
      await api.POST("/api/v1/schedules/{schedule_id}/resume", of(id));
      await refresh();
    },
    async run(id) {
      const task = bodyOf(await api.POST("/api/v1/schedules/{schedule_id}/run", of(id)));
      void refresh();
      return task;
    },
    async remove(id) {
      await api.DELETE("/api/v1/schedules/{schedule_id}", of(id));
      // Not the one itself: there is no such one any more.
      void client.invalidateQueries({ queryKey: [...SCHEDULES, "list"] });
    },
  };
}
