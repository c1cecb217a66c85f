import { expect, test } from "vitest";
import {
  commandsFor,
  type Expiry,
  expirySeconds,
  isReplaceable,
  offeredScopes,
  SCOPES,
  tokenState,
  usualScopes,
} from "./tokens";

test("an administrator may hand out everything", () => {
  expect(offeredScopes(SCOPES, "admin")).toEqual(SCOPES);
});

test("nobody hands out what they do not hold", () => {
  expect(offeredScopes(["tasks:read", "tokens:write"], "admin")).toEqual([
    "tasks:read",
    "tokens:write",
  ]);
});

test("a user's token has what a user may do, whoever makes it", () => {
  expect(offeredScopes(SCOPES, "user")).toEqual([
    "tasks:read",
    "tasks:write",
    "tasks:report",
    "queues:read",
    "tokens:write",
  ]);
});

test("an operator's token looks after queues, and not after users", () => {
  const offered = offeredScopes(SCOPES, "operator");
  expect(offered).toContain("queues:write");
  expect(offered).not.toContain("users:read");
});

test("an owner whose role is not known is left to the API", () => {
  expect(offeredScopes(SCOPES, null)).toEqual(SCOPES);
});

test("reporting is asked for, but by an administrator", () => {
  expect(usualScopes(["tasks:read", "tasks:report"], "operator")).toEqual(["tasks:read"]);
  expect(usualScopes(["tasks:read", "tasks:report"], "admin")).toHaveLength(2);
});

test.each<[Expiry, number | string, number | null | undefined]>([
  ["1", "", 86_400],
  ["90", "", 7_776_000],
  ["never", 5, null],
  ["custom", 7, 604_800],
  ["custom", "0.5", 43_200],
  ["custom", 365, 31_536_000],
  ["custom", 366, undefined],
  ["custom", 0, undefined],
  ["custom", "", undefined],
  ["custom", "soon", undefined],
])("%s (%s) is %s seconds", (expiry, typed, seconds) => {
  expect(expirySeconds(expiry, typed)).toBe(seconds);
});

test("a token holds until it ends or is revoked", () => {
  const ends = { revoked_at: null, expires_at: "2026-11-27T08:00:00Z" };
  const then = Date.parse(ends.expires_at);
  expect(tokenState({ revoked_at: null, expires_at: null }, then)).toBe("active");
  expect(tokenState(ends, then - 1)).toBe("active");
  expect(tokenState(ends, then)).toBe("expired");
  expect(tokenState({ ...ends, revoked_at: ends.expires_at }, then)).toBe("revoked");
});

test("a token is replaced once, and while it works", () => {
  const endless = { revoked_at: null, expires_at: null, replaced_by: null };
  const past = "2026-11-27T08:00:00Z";
  const now = Date.parse(past);
  expect(isReplaceable(endless, now)).toBe(true);
  expect(isReplaceable({ ...endless, replaced_by: "01a2" }, now)).toBe(false);
  expect(isReplaceable({ ...endless, expires_at: past }, now)).toBe(false);
  expect(isReplaceable({ ...endless, revoked_at: past }, now)).toBe(false);
});

test("the commands name the token and this address", () => {
  const commands = commandsFor("tsk_abc", "http://localhost:8000");
  expect(commands).toContain("export TASKCTL_TOKEN=tsk_abc\n");
  expect(commands).toContain("curl -fsS http://localhost:8000/api/v1/users/me");
});
