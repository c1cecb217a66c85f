/** What the list of schedules is asked for. Pure. */
import type { Schedule } from "../../api/types";
import { textAt } from "../../components/filters";

export interface ScheduleFilters {
  readonly name: string;
  readonly celery_task_name: string;
  readonly source?: Schedule["source"];
  readonly paused?: boolean;
}

/** The filters that an address names; what it gets wrong is left out. */
export function readFilters(address: URLSearchParams): ScheduleFilters {
  const source = address.get("source");
  const paused = address.get("paused");
  return {
    name: textAt(address, "name"),
    celery_task_name: textAt(address, "celery_task_name"),
    source: source === "api" || source === "static" ? source : undefined,
    paused: paused === "true" || paused === "false" ? paused === "true" : undefined,
  };
}
