/** What a report is asked for, kept in the page's address by the API's names. Pure. */
import type { Statistics } from "../../api/types";
import { addressOf, given, textAt, timeAt } from "../../components/filters";
import type { Filters } from "../../lib/address";
import type { Bucket } from "../../lib/series";

/** Empty text is not asked for. `from` and `to` are times of the API. */
export interface Wanted {
  readonly bucket: Bucket;
  readonly from: string;
  readonly to: string;
  readonly task_type: string;
  readonly celery_task_name: string;
  readonly queue: string;
}

/** What an address asks for; what it gets wrong is left out. */
export function readWanted(address: URLSearchParams): Wanted {
  return {
    bucket: address.get("bucket") === "hour" ? "hour" : "day",
    from: timeAt(address, "from"),
    to: timeAt(address, "to"),
    task_type: textAt(address, "task_type"),
    celery_task_name: textAt(address, "celery_task_name"),
    queue: textAt(address, "queue"),
  };
}

/** Where the report is to be had in another format. */
export function downloadAddress(kind: string, wanted: Wanted, format: "csv" | "html"): string {
  const query = addressOf({ ...wanted, format });
  return `/api/v1/reports/${encodeURIComponent(kind)}?${query}`;
}

/** Which tasks a report is about, so far as the list of tasks can be asked for them. */
export function filtersOf({ task_type, celery_task_name, queue }: Wanted): Partial<Filters> {
  return given({ task_type, celery_task_name, queue });
}

/** What the API calls the groups that it has put together. */
const OTHERS = "(other)";

/** Which tasks of the report are in a group; null where the list cannot be asked for them. */
export function filtersOfGroup(
  statistics: Statistics,
  group: string | null,
  wanted: Wanted,
): Partial<Filters> | null {
  const { group_by, begins_at, ends_at } = statistics;
  if (group === null || group_by === null || group === OTHERS) return null;
  return {
    ...filtersOf(wanted),
    ...(group_by === "status" ? { status: [group] } : { [group_by]: group }),
    created_after: begins_at,
    created_before: ends_at,
  };
}

/** What a group is called, with the words for statuses; empty where it has no name. */
export function groupName(
  { group_by }: Pick<Statistics, "group_by">,
  group: string | null,
  statuses: Readonly<Record<string, string | undefined>>,
): string {
  const name = group ?? "";
  return (group_by === "status" && statuses[name]) || name;
}
