/** Who is signed in, and what they may do. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { sayError } from "../components/say";
import { api, bodyOf, Problem } from "./client";
import type { Scope, Session } from "./types";

export const SESSION = ["session"] as const;

/** The session, null when nobody is signed in. */
export function useSessionQuery() {
  return useQuery({
    queryKey: SESSION,
    queryFn: async ({ signal }): Promise<Session | null> => {
      try {
        return bodyOf(await api.GET("/api/v1/auth/session", { signal }));
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

const Current = createContext<Session | null>(null);
export const SessionProvider = Current.Provider;

/** The session of whoever looks at this screen. */
export function useSession(): Session {
  const session = useContext(Current);
  if (session === null) throw new Error("No screen is shown to somebody who is not signed in");
  return session;
}

/** Whether the session has that scope. */
export function useCan(): (scope: Scope) => boolean {
  const { scopes } = useSession();
  return (scope) => scopes.includes(scope);
}

/** End the session, here and in every other tab. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    try {
      await api.DELETE("/api/v1/auth/session");
      client.clear();
      location.assign("/ui/");
    } catch (error) {
      sayError(error);
    }
  };
}
