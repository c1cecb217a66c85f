/** A webhook as it is being written, and what of it is sent. Pure. */
import type { Webhook, WebhookCreate, WebhookEvent, WebhookPatch } from "../../api/types";

export const EVENTS = [
  "task.succeeded",
  "task.failed",
  "task.revoked",
] as const satisfies readonly WebhookEvent[];

export const CONDITIONS = ["task_type", "celery_task_name", "queue", "tag"] as const;
export type Condition = (typeof CONDITIONS)[number];

export interface Draft {
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly filter: Readonly<Record<Condition, string>>;
  /** About everybody's tasks, and not only its owner's. */
  readonly everybody: boolean;
}

export const EMPTY: Draft = {
  url: "",
  events: EVENTS,
  filter: { task_type: "", celery_task_name: "", queue: "", tag: "" },
  everybody: false,
};

/** What the form begins with when a webhook is changed. */
export function draftOf(webhook: Pick<Webhook, "url" | "events" | "filter" | "scope">): Draft {
  const filter = CONDITIONS.map((name) => [name, webhook.filter[name] ?? ""] as const);
  return {
    url: webhook.url,
    events: webhook.events,
    filter: Object.fromEntries(filter) as Draft["filter"],
    everybody: webhook.scope === "all",
  };
}

/** The conditions that say something. */
export function filterOf(draft: Draft): Partial<Record<Condition, string>> {
  const given = CONDITIONS.map((name) => [name, draft.filter[name].trim()] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== ""));
}

/** The order of a new webhook. */
export function orderOf(draft: Draft): WebhookCreate {
  return {
    url: draft.url.trim(),
    events: [...draft.events],
    filter: filterOf(draft),
    scope: draft.everybody ? "all" : "own",
    active: true,
  };
}

/** What is to be another; null when nothing is. */
export function changesOf(before: Draft, draft: Draft): WebhookPatch | null {
  const changes: WebhookPatch = {};
  if (draft.url.trim() !== before.url) changes.url = draft.url.trim();
  if (!sameEvents(draft.events, before.events)) changes.events = [...draft.events];
  const filter = filterOf(draft);
  if (JSON.stringify(filter) !== JSON.stringify(filterOf(before))) changes.filter = filter;
  return Object.keys(changes).length > 0 ? changes : null;
}

function sameEvents(some: readonly WebhookEvent[], others: readonly WebhookEvent[]): boolean {
  return EVENTS.every((event) => some.includes(event) === others.includes(event));
}

/** What is wrong before anybody is asked; whether the address may be called, only the API knows. */
export function faultsOf(draft: Draft): { readonly url: boolean; readonly events: boolean } {
  return {
    url: !/^https?:\/\/[^\s/]/i.test(draft.url.trim()),
    events: draft.events.length === 0,
  };
}
