/** What the list of schedules is asked for, kept in the address. Pure. */
import type { Schedule } from "../../api/types";

export interface ScheduleFilters {
  readonly name?: string;
  readonly celery_task_name?: string;
  readonly source?: Schedule["source"];
  readonly paused?: boolean;
}

/** The filters that an address names; what it gets wrong is left out. */
export function readFilters(address: URLSearchParams): ScheduleFilters {
  const name = address.get("name")?.trim();
  const celery_task_name = address.get("celery_task_name")?.trim();
  const source = address.get("source");
  const paused = address.get("paused");
  return {
    ...(name ? { name } : {}),
    ...(celery_task_name ? { celery_task_name } : {}),
    ...(source === "api" || source === "static" ? { source } : {}),
    ...(paused === "true" || paused === "false" ? { paused: paused === "true" } : {}),
  };
}

/** The address that names these filters. */
export function writeFilters(filters: ScheduleFilters): URLSearchParams {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}
