/** What a list is asked for, kept in the page's address. Pure. */
import type { TaskStatus } from "../api/types";

export const STATUSES = ["pending", "running", "succeeded", "failed", "revoked"] as const;

/** The list's filters as the address has them: those of the API, by the API's names. */
export interface Filters {
  readonly status: readonly string[];
  readonly task_type?: string;
  readonly celery_task_name?: string;
  readonly queue?: string;
  readonly priority?: number;
  readonly tag?: string;
  readonly owner_ref?: string;
  readonly parent_id?: string;
  readonly q?: string;
  readonly created_after?: string;
  readonly created_before?: string;
}

export const TEXT_FILTERS = [
  "task_type",
  "celery_task_name",
  "queue",
  "tag",
  "owner_ref",
  "parent_id",
  "q",
  "created_after",
  "created_before",
] as const;

/** The filters that an address names; what it gets wrong is left out. */
export function readFilters(address: URLSearchParams): Filters {
  const known: readonly string[] = STATUSES;
  const texts = TEXT_FILTERS.flatMap((name) => {
    const value = address.get(name)?.trim();
    return value ? [[name, value] as const] : [];
  });
  const priority = Number(address.get("priority"));
  return {
    status: address.getAll("status").filter((each) => known.includes(each)),
    ...Object.fromEntries(texts),
    ...(Number.isInteger(priority) && priority >= 1 && priority <= 4 ? { priority } : {}),
  };
}

/** The address that names these filters. */
export function writeFilters(filters: Filters): URLSearchParams {
  const address = new URLSearchParams();
  for (const status of filters.status) address.append("status", status);
  for (const name of TEXT_FILTERS) {
    const value = filters[name];
    if (value) address.set(name, value);
  }
  if (filters.priority !== undefined) address.set("priority", String(filters.priority));
  return address;
}

/** Whether nothing is asked for. */
export function isEmpty(filters: Filters): boolean {
  return writeFilters(filters).size === 0;
}

/** The address of the list of tasks with these filters. */
export function tasksAddress(filters: Partial<Filters>): string {
  const address = writeFilters({ status: [], ...filters }).toString();
  return address ? `/tasks?${address}` : "/tasks";
}

/** The filters as the API takes them: for the list, the count, and orders about many tasks. */
export interface Conditions extends Omit<Filters, "status"> {
  readonly status?: TaskStatus[];
}

/** What is asked of the API for these filters. */
export function conditions({ status, ...rest }: Filters): Conditions {
  return status.length === 0 ? rest : { ...rest, status: [...status] as TaskStatus[] };
}
