/** The fields that tasks and schedules have in common, as they are typed. Pure. */
import type { Problem } from "../../api/client";
import { shortName } from "../../lib/format";
import {
  argumentsOf,
  type Fault,
  type Faults,
  parameterAt,
  readNumber,
  type Values,
} from "../../lib/json-arguments";
import type { Signature } from "../../lib/json-schema";
import { fromLocal } from "../../lib/local-time";

export interface TaskDraft {
  readonly celery_task_name: string;
  readonly values: Values;
  readonly name: string;
  readonly task_type: string;
  readonly priority: number;
  readonly queue: string;
  readonly tags: readonly string[];
  readonly owner_ref: string;
  readonly max_attempts: string;
  readonly time_limit: string;
  readonly soft_time_limit: string;
}

export const EMPTY: TaskDraft = {
  celery_task_name: "",
  values: {},
  name: "",
  task_type: "",
  priority: 2,
  queue: "",
  tags: [],
  owner_ref: "",
  max_attempts: "",
  time_limit: "",
  soft_time_limit: "",
};

/** The fields of the task itself that hardly anybody fills in. */
export const RARE_FIELDS = [
  "queue",
  "max_attempts",
  "time_limit",
  "soft_time_limit",
  "tags",
  "owner_ref",
] as const satisfies readonly (keyof TaskDraft)[];

/** A draft for another function. What was only filled in after the one before follows it. */
export function withFunction<D extends TaskDraft>(draft: D, name: string): D {
  const before = shortName(draft.celery_task_name);
  const follow = (text: string) => (text === "" || text === before ? shortName(name) : text);
  return {
    ...draft,
    celery_task_name: name,
    values: {},
    name: follow(draft.name),
    task_type: follow(draft.task_type),
  };
}

/** Reads the inputs of a draft one by one, and keeps what is wrong with them, by name. */
export class Reader {
  readonly faults: Record<string, Fault> = {};

  /** Text; null where there is none. */
  text(typed: string): string | null {
    return typed.trim() || null;
  }

  /** Text that has to be there. */
  needed(name: string, typed: string): string {
    if (typed.trim() === "") this.faults[name] = "required";
    return typed.trim();
  }

  /** A number; null where there is none. */
  number(name: string, typed: string, kind: "number" | "integer" = "number"): number | null {
    if (typed.trim() === "") return null;
    const read = readNumber(typed, kind);
    if ("fault" in read) this.faults[name] = read.fault;
    return "given" in read ? Number(read.given) : null;
  }

  /** A time, with its offset; null where there is none. */
  time(name: string, typed: string): string | null {
    if (typed === "") return null;
    const moment = fromLocal(typed);
    if (moment === null) this.faults[name] = "time";
    return moment;
  }
}

/** What a draft says about the task itself, and the faults of its arguments. */
export function readTask(draft: TaskDraft, signature: Signature, reader: Reader) {
  const { args, kwargs, faults: parameterFaults } = argumentsOf(signature, draft.values);
  const task = {
    celery_task_name: reader.needed("celery_task_name", draft.celery_task_name),
    args: [...args],
    kwargs: { ...kwargs },
    name: reader.needed("name", draft.name),
    task_type: reader.needed("task_type", draft.task_type),
    priority: draft.priority,
    queue: reader.text(draft.queue),
    tags: [...draft.tags],
    owner_ref: reader.text(draft.owner_ref),
    max_attempts: reader.number("max_attempts", draft.max_attempts, "integer"),
    time_limit: reader.number("time_limit", draft.time_limit),
    soft_time_limit: reader.number("soft_time_limit", draft.soft_time_limit),
  };
  return { task, parameterFaults };
}

/** A draft that has been read: what is to be sent, and why it cannot be. */
export interface Reading<Body> {
  readonly body: Body;
  /** By the name of the field. */
  readonly faults: Faults;
  /** By the name of the parameter. */
  readonly parameterFaults: Faults;
}

/** What is wrong, in words, at the fields and the parameters it belongs to. */
export interface Placed {
  readonly fields: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether nothing is left to be said besides. */
  readonly complete: boolean;
}

/** Refusals that name no place, and mean one. */
const FIELD_OF_CODE: Readonly<Record<string, string>> = {
  name_taken: "name",
  unique_key_taken: "unique_key",
};

/** A refusal of the API, at the fields of a form. */
export function placed(
  problem: Pick<Problem, "code" | "message" | "places">,
  signature: Signature,
): Placed {
  const fields = new Map<string, string>();
  const parameters = new Map<string, string>();
  let complete = true;
  for (const { loc, msg } of problem.places) {
    const [part, field] = loc;
    const parameter = parameterAt(signature, loc);
    if (parameter !== null) add(parameters, parameter, inside(loc.slice(3), msg));
    else if (part === "body" && typeof field === "string" && !/^(kw)?args$/.test(field))
      add(fields, field, inside(loc.slice(2), msg));
    else complete = false;
  }
  const meant = FIELD_OF_CODE[problem.code];
  if (meant) add(fields, meant, problem.message);
  return {
    fields: Object.fromEntries(fields),
    parameters: Object.fromEntries(parameters),
    complete: complete && fields.size + parameters.size > 0,
  };
}

function add(to: Map<string, string>, name: string, message: string): void {
  const before = to.get(name);
  to.set(name, before === undefined ? message : `${before}; ${message}`);
}

/** A message about something inside a field says where: `2.sku: Field required`. */
function inside(path: readonly (string | number)[], message: string): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}
