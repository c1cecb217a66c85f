/** A schedule as it is typed, as it is sent, and what of it is a change. Pure. */
import type { Schedule, ScheduleCreate, SchedulePatch } from "../../api/types";
import {
  EMPTY,
  RARE_FIELDS,
  Reader,
  type Reading,
  readTask,
  type TaskDraft,
  withFunction,
} from "../../components/arguments/task-draft";
import { valuesOf } from "../../lib/json-arguments";
import type { Signature } from "../../lib/json-schema";
import { toLocal } from "../../lib/local-time";

/** Seconds of each unit, the largest one first. */
export const UNITS = { days: 86_400, hours: 3_600, minutes: 60, seconds: 1 } as const;
export type Unit = keyof typeof UNITS;

export interface ScheduleDraft extends TaskDraft {
  readonly kind: Schedule["kind"];
  readonly cron: string;
  readonly timezone: string;
  readonly interval: string;
  readonly unit: Unit;
  readonly at: string;
  readonly start_at: string;
  readonly end_at: string;
  readonly overlap: Schedule["overlap"];
  readonly misfire: Schedule["misfire"];
  readonly expires_in: string;
  readonly paused: boolean;
}

/** All that a schedule says; null where it says nothing. */
export type ScheduleBody = Required<Omit<ScheduleCreate, "paused">>;

/** The type that the API gives to tasks of schedules. */
const TASK_TYPE = "scheduled";

/** The fields that stand under "More". */
export const MORE_FIELDS: readonly string[] = [...RARE_FIELDS, "start_at", "end_at", "expires_in"];

/** An empty form, for clocks of that zone; with a function already chosen, if there is a name. */
export function emptyDraft(functionName: string, timezone: string): ScheduleDraft {
  const draft: ScheduleDraft = {
    ...EMPTY,
    task_type: TASK_TYPE,
    kind: "cron",
    cron: "",
    timezone,
    interval: "",
    unit: "minutes",
    at: "",
    start_at: "",
    end_at: "",
    overlap: "allow",
    misfire: "run_once",
    expires_in: "",
    paused: false,
  };
  return withFunction(draft, functionName);
}

/** A schedule that is there, to be changed. */
export function draftOf(schedule: Schedule, signature: Signature): ScheduleDraft {
  return {
    celery_task_name: schedule.celery_task_name,
    name: schedule.name,
    task_type: schedule.task_type,
    priority: schedule.priority,
    tags: schedule.tags,
    kind: schedule.kind,
    overlap: schedule.overlap,
    misfire: schedule.misfire,
    values: valuesOf(signature, schedule.args, schedule.kwargs),
    queue: schedule.queue ?? "",
    owner_ref: schedule.owner_ref ?? "",
    max_attempts: typed(schedule.max_attempts),
    time_limit: typed(schedule.time_limit),
    soft_time_limit: typed(schedule.soft_time_limit),
    cron: schedule.cron ?? "",
    timezone: schedule.timezone ?? "",
    ...intervalOf(schedule.interval_seconds),
    at: localOf(schedule.at),
    start_at: localOf(schedule.start_at),
    end_at: localOf(schedule.end_at),
    expires_in: typed(schedule.expires_in),
    paused: schedule.paused,
  };
}

function typed(value: number | null): string {
  return value === null ? "" : String(value);
}

function localOf(moment: string | null): string {
  return (moment !== null && toLocal(moment)) || "";
}

function intervalOf(seconds: number | null): { interval: string; unit: Unit } {
  if (seconds === null) return { interval: "", unit: "minutes" };
  const units = Object.keys(UNITS) as Unit[];
  const unit = units.find((each) => seconds % UNITS[each] === 0) ?? "seconds";
  return { interval: String(seconds / UNITS[unit]), unit };
}

/** All that a draft says. */
export function readDraft(draft: ScheduleDraft, signature: Signature): Reading<ScheduleBody> {
  const reader = new Reader();
  const { task, parameterFaults } = readTask(draft, signature, reader);
  const { kind, overlap, misfire } = draft;
  const expires_in = reader.number("expires_in", draft.expires_in);
  return {
    body: { ...task, kind, ...timesOf(draft, reader), overlap, misfire, expires_in },
    faults: reader.faults,
    parameterFaults,
  };
}

/** When it fires. What belongs to another kind is null, also when it has been typed. */
function timesOf(draft: ScheduleDraft, reader: Reader) {
  const none = { cron: null, timezone: null, interval_seconds: null, at: null };
  if (draft.kind === "once") {
    const at = reader.time("at", reader.needed("at", draft.at));
    return { ...none, at, start_at: null, end_at: null };
  }
  const ends = {
    start_at: reader.time("start_at", draft.start_at),
    end_at: reader.time("end_at", draft.end_at),
  };
  if (draft.kind === "interval") {
    const length = reader.number(
      "interval_seconds",
      reader.needed("interval_seconds", draft.interval),
    );
    return { ...none, ...ends, interval_seconds: length && exact(length * UNITS[draft.unit]) };
  }
  const cron = reader.needed("cron", draft.cron);
  return { ...none, ...ends, cron, timezone: reader.text(draft.timezone) };
}

/** Without what binary fractions add: 1.1 minutes are 66 seconds. */
function exact(seconds: number): number {
  return Number(seconds.toFixed(3));
}

/** What is to be sent so that a schedule says something else; empty where it is the same. */
export function patchOf(before: ScheduleBody, after: ScheduleBody): SchedulePatch {
  const names = Object.keys(after) as (keyof ScheduleBody)[];
  const changed = new Set(
    names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])),
  );
  // By name or by position: one place of an argument is left when it comes to another.
  if (changed.has("args") || changed.has("kwargs")) changed.add("args").add("kwargs");
  return Object.fromEntries([...changed].map((name) => [name, after[name]])) as SchedulePatch;
}
