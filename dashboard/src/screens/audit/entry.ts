/** How an entry of the audit log is said. Pure. */
import type { AuditEntry } from "../../api/types";

/** Screens about what an action can be about, by the parameter of its path. */
const SCREENS: Readonly<Record<string, string>> = {
  task_id: "/tasks",
  operation_id: "/bulk",
  group_id: "/failures",
  schedule_id: "/schedules",
  webhook_id: "/webhooks",
};

/** Who acted: by email, at a terminal by the system's user; empty for strangers. */
export function whoOf(entry: Pick<AuditEntry, "email" | "detail">): string {
  const user = entry.detail.os_user;
  return entry.email ?? (typeof user === "string" ? user : "");
}

/** `default`, `queue / default`, or an id; empty for what is about nothing in particular. */
export function targetOf(target: Readonly<Record<string, string>>): string {
  return Object.values(target).join(" / ");
}

/** Where one sees what the action was about; null where there is no such screen. */
export function screenOf(target: Readonly<Record<string, string>>): string | null {
  for (const [name, id] of Object.entries(target)) {
    const screen = SCREENS[name];
    if (screen !== undefined) return `${screen}/${encodeURIComponent(id)}`;
  }
  return null;
}

export type Ending = "done" | "refused" | "broken" | "open";

/** `refused`: by what was asked for; `broken`: by our own fault or an outage. */
export function endingOf({ status }: Pick<AuditEntry, "status">): Ending {
  if (status === null) return "open";
  if (status < 400) return "done";
  return status < 500 ? "refused" : "broken";
}
