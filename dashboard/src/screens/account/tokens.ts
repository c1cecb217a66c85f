/** What may be asked for in a token, and what has become of one. Pure. */
import type { Role, Scope, Token } from "../../api/types";

/** In the order in which they are offered. */
export const SCOPES = [
  "tasks:read",
  "tasks:write",
  "tasks:report",
  "queues:read",
  "queues:write",
  "workers:read",
  "metrics:read",
  "tokens:write",
  "users:read",
  "users:write",
  "audit:read",
] as const satisfies readonly Scope[];

const OPERATORS: readonly Scope[] = ["queues:write", "workers:read", "metrics:read"];
const ADMINS: readonly Scope[] = ["users:read", "users:write", "audit:read"];

function within(role: Role, scope: Scope): boolean {
  if (ADMINS.includes(scope)) return role === "admin";
  return role !== "user" || !OPERATORS.includes(scope);
}

/**
 * What a token may be given: nobody hands out more than they hold, nor more than the role of its
 * owner allows. `role` null: it is not known, and the API decides.
 */
export function offeredScopes(held: readonly string[], role: Role | null): readonly Scope[] {
  return SCOPES.filter((scope) => held.includes(scope) && (role === null || within(role, scope)));
}

/** What is chosen at first. `tasks:report` is asked for: by executors outside of Celery. */
export function usualScopes(offered: readonly Scope[], role: Role | null): readonly Scope[] {
  return role === "admin" ? offered : offered.filter((scope) => scope !== "tasks:report");
}

export const EXPIRIES = ["1", "30", "90", "never", "custom"] as const;
/** A number of days, none, or one that is typed. */
export type Expiry = (typeof EXPIRIES)[number];

export const MAX_DAYS = 365;
const DAY_SECONDS = 86_400;

/** Seconds until a token ends: null never does, undefined is a number of days that is not taken. */
export function expirySeconds(expiry: Expiry, typed: number | string): number | null | undefined {
  if (expiry === "never") return null;
  const days = Number(expiry === "custom" ? typed : expiry);
  return days > 0 && days <= MAX_DAYS ? Math.round(days * DAY_SECONDS) : undefined;
}

export type TokenState = "active" | "expired" | "revoked";

/** What a token is at this millisecond. */
export function tokenState(
  token: Pick<Token, "revoked_at" | "expires_at">,
  now: number,
): TokenState {
  if (token.revoked_at !== null) return "revoked";
  if (token.expires_at !== null && Date.parse(token.expires_at) <= now) return "expired";
  return "active";
}

/** Whether another token can take its place. */
export function isReplaceable(
  token: Pick<Token, "revoked_at" | "expires_at" | "replaced_by">,
  now: number,
): boolean {
  return token.replaced_by === null && tokenState(token, now) === "active";
}

/** What is typed into a terminal to use a token with the API at `origin`. */
export function commandsFor(token: string, origin: string): string {
  return [
    `export TASKCTL_URL=${origin}`,
    `export TASKCTL_TOKEN=${token}`,
    `curl -fsS ${origin}/api/v1/users/me -H "Authorization: Bearer $TASKCTL_TOKEN"`,
  ].join("\n");
}
