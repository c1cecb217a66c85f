/** A user as it is being made, and how one signs in. Pure. */
import type { Role, UserCreate } from "../../api/types";
import { word } from "../../components/shell";

export const ROLES = ["user", "operator", "admin"] as const satisfies readonly Role[];
export const MIN_PASSWORD = 8;

export interface UserDraft {
  readonly email: string;
  readonly role: Role;
  /** Empty for a user without one. */
  readonly password: string;
}

export const NOBODY: UserDraft = { email: "", role: "user", password: "" };

export function userOrder({ email, role, password }: UserDraft): UserCreate {
  return { email: email.trim(), role, password: password === "" ? null : password };
}

/** What is wrong before the API is asked. */
export function userFaults({ email, password }: UserDraft): { email: boolean; password: boolean } {
  return {
    email: !/^[^\s@]+@[^\s@]+$/.test(email.trim()),
    password: password !== "" && password.length < MIN_PASSWORD,
  };
}

/** What is typed where the system runs to get a link that signs this user in. */
export function signInCommand(email: string): string {
  return `taskctl user sign-in-link ${word(email)}`;
}
