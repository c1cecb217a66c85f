/** What the list of failures is asked for. Pure. */
import { addressOf, given, textAt } from "../../components/filters";

export const STATES = ["open", "resolved", "all"] as const;
export type GroupState = (typeof STATES)[number];

/** The filters by the API's names. Without a word about the state, open ones are meant. */
export interface GroupFilters {
  readonly state: GroupState;
  readonly celery_task_name: string;
  readonly type: string;
  readonly q: string;
}

/** The filters that an address names; what it gets wrong is left out. */
export function readGroupFilters(address: URLSearchParams): GroupFilters {
  return {
    state: STATES.find((each) => each === address.get("state")) ?? "open",
    celery_task_name: textAt(address, "celery_task_name"),
    type: textAt(address, "type"),
    q: textAt(address, "q"),
  };
}

/** The address that names these filters. */
export function writeGroupFilters({ state, ...texts }: GroupFilters): URLSearchParams {
  return addressOf({ state: state === "open" ? "" : state, ...texts });
}

/** Whether only some failures are asked for: an empty list says nothing about the others. */
export function isNarrow({ state, ...texts }: GroupFilters): boolean {
  return state === "resolved" || Object.values(texts).some((text) => text !== "");
}

/** The filters as the API takes them. */
export function groupQuery({ state, ...texts }: GroupFilters) {
  return given({ state: state === "all" ? ("" as const) : state, ...texts });
}
