/** What the list of failures is asked for, kept in the page's address. Pure. */

export const STATES = ["open", "resolved", "all"] as const;
export type GroupState = (typeof STATES)[number];

/** The filters by the API's names. Without a word about the state, open ones are meant. */
export interface GroupFilters {
  readonly state: GroupState;
  readonly celery_task_name: string;
  readonly type: string;
  readonly q: string;
}

const TEXTS = ["celery_task_name", "type", "q"] as const;

/** The filters that an address names; what it gets wrong is left out. */
export function readGroupFilters(address: URLSearchParams): GroupFilters {
  const text = (name: string) => address.get(name)?.trim() ?? "";
  return {
    state: STATES.find((each) => each === address.get("state")) ?? "open",
    celery_task_name: text("celery_task_name"),
    type: text("type"),
    q: text("q"),
  };
}

/** The address that names these filters. */
export function writeGroupFilters(filters: GroupFilters): URLSearchParams {
  const address = new URLSearchParams();
  if (filters.state !== "open") address.set("state", filters.state);
  for (const name of TEXTS) {
    const value = filters[name].trim();
    if (value) address.set(name, value);
  }
  return address;
}

/** Whether only some failures are asked for: an empty list says nothing about the others. */
export function isNarrow(filters: GroupFilters): boolean {
  return filters.state === "resolved" || TEXTS.some((name) => filters[name] !== "");
}

/** The filters as the API takes them. */
export function groupQuery({ state, celery_task_name, type, q }: GroupFilters) {
  return {
    state: state === "all" ? undefined : state,
    celery_task_name: celery_task_name || undefined,
    type: type || undefined,
    q: q || undefined,
  };
}
