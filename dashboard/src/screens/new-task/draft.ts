/** A task as it is typed, and as it is sent. Pure. */
import type { TaskCreate } from "../../api/types";
import {
  EMPTY,
  RARE_FIELDS,
  Reader,
  type Reading,
  readTask,
  type TaskDraft,
  withFunction,
} from "../../components/arguments/task-draft";
import type { Signature } from "../../lib/json-schema";

export type Start = "now" | "at" | "in";

export interface NewTaskDraft extends TaskDraft {
  readonly start: Start;
  readonly scheduled_at: string;
  readonly countdown: string;
  readonly expires_at: string;
  readonly unique_key: string;
  readonly unique_mode: TaskCreate["unique_mode"];
  readonly limit_key: string;
  readonly depends_on: readonly string[];
  readonly on_dependency_failure: TaskCreate["on_dependency_failure"];
}

/** An empty form; with a function already chosen, if there is a name. */
export function emptyDraft(functionName: string): NewTaskDraft {
  const draft: NewTaskDraft = {
    ...EMPTY,
    start: "now",
    scheduled_at: "",
    countdown: "",
    expires_at: "",
    unique_key: "",
    unique_mode: "reject",
    limit_key: "",
    depends_on: [],
    on_dependency_failure: "fail",
  };
  return withFunction(draft, functionName);
}

/** The fields that stand under "More". */
export const MORE_FIELDS: readonly string[] = [
  ...RARE_FIELDS,
  "scheduled_at",
  "countdown",
  "expires_at",
  "unique_key",
  "unique_mode",
  "limit_key",
  "depends_on",
  "on_dependency_failure",
];

/** What is to be sent: only what says something. */
export function readDraft(draft: NewTaskDraft, signature: Signature): Reading<TaskCreate> {
  const reader = new Reader();
  const { task, parameterFaults } = readTask(draft, signature, reader);
  const { unique_mode, on_dependency_failure } = draft;
  const uniqueKey = reader.text(draft.unique_key);
  const more = {
    ...startOf(draft, reader),
    expires_at: reader.time("expires_at", draft.expires_at),
    limit_key: reader.text(draft.limit_key),
    unique_key: uniqueKey,
    depends_on: draft.depends_on.length > 0 ? [...draft.depends_on] : null,
  };
  return {
    body: { ...task, ...withoutNulls(more), unique_mode, on_dependency_failure },
    faults: reader.faults,
    parameterFaults,
  };
}

function startOf(draft: NewTaskDraft, reader: Reader) {
  if (draft.start === "at") {
    const typed = reader.needed("scheduled_at", draft.scheduled_at);
    return { scheduled_at: reader.time("scheduled_at", typed) };
  }
  if (draft.start === "in") {
    const typed = reader.needed("countdown", draft.countdown);
    return { countdown: reader.number("countdown", typed) };
  }
  return {};
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], null> };

function withoutNulls<T extends object>(fields: T): Given<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(given) as Given<T>;
}
