/** What the API explains, in the page's language. Pure. */
import type { Explanation, ExplanationReason, TaskStatus } from "../../api/types";
import { count, duration, local } from "../../lib/format";
import type { Language } from "../../text/language";
import { type Data, type FullLimit, reasonWords, type Say, type Sentence } from "./reasonWords";

/** Why something ended, in words where there are some. */
export function reasonName(reason: string, language: Language): string {
  const { ended } = reasonWords[language];
  return Object.hasOwn(ended, reason) ? (ended[reason] ?? reason) : reason;
}

function speech(language: Language): Say {
  const text = (value: unknown) =>
    value === null || value === undefined ? "–" : typeof value === "object" ? "…" : String(value);
  return {
    text,
    time: (value) => {
      const known = typeof value === "string" && !Number.isNaN(Date.parse(value));
      return known ? local(value, language) : text(value);
    },
    lasts: (value) => duration(typeof value === "number" ? value : null),
    count: (value) => (typeof value === "number" ? count(value, language) : text(value)),
    reason: (value) => (typeof value === "string" ? reasonName(value, language) : text(value)),
    error: ({ error_type: type, error_message: message }) => {
      const said = [type, message].filter((part) => typeof part === "string" && part !== "");
      return said.map((part) => `: ${part}`).join("");
    },
  };
}

/** A reason as a sentence, and what takes it away. An unknown one is said as the API says it. */
export function tell(reason: ExplanationReason, status: TaskStatus, language: Language): Sentence {
  const { codes } = reasonWords[language];
  const words = Object.hasOwn(codes, reason.code) ? codes[reason.code] : undefined;
  if (!words) return { sentence: reason.sentence, cure: reason.cure };
  return words({ ...reason.data, status }, speech(language));
}

export interface Told extends Sentence {
  readonly reason: ExplanationReason;
}

/** All reasons in words. That nothing holds a running task up is said only where that is all. */
export function tellAll(explanation: Explanation, language: Language): readonly Told[] {
  const { reasons, status } = explanation;
  return reasons.map((reason) => {
    const told = tell(reason, status, language);
    const isBesides = reason.code === "running" && reasons.length > 1;
    return { reason, sentence: told.sentence, cure: isBesides ? "" : told.cure };
  });
}

/** The limits that a reason names, each as a sentence. */
export function limitsOf(data: Data, language: Language): string[] {
  const { limits } = data;
  if (!Array.isArray(limits)) return [];
  return (limits as FullLimit[]).map((limit) =>
    reasonWords[language].limit(limit, speech(language)),
  );
}

export interface NeededTask {
  readonly id: string;
  readonly name: string;
  readonly status: TaskStatus;
}

/** The tasks that a reason names. */
export function tasksOf(data: Data): readonly NeededTask[] {
  return Array.isArray(data.tasks) ? (data.tasks as NeededTask[]) : [];
}

const AT_QUEUES: readonly string[] = [
  "queue_paused",
  "limit_reached",
  "queue_not_served",
  "function_unknown",
  "slots_busy",
  "tasks_ahead",
  "worker_silent",
];

/** Whether the screen of the queues and workers shows more of it. */
export function isAboutQueues(code: string): boolean {
  return AT_QUEUES.includes(code);
}
