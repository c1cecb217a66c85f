/** How answers are kept: what is asked for again, how often, and what an error does. */
import { QueryCache, QueryClient, type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Problem } from "./client";
import { SESSION } from "./session";

const RETRIES = 3;

export function makeQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        // The session is over: the page asks who is there, and shows how to sign in.
        if (error instanceof Problem && error.status === 401 && query.queryKey[0] !== SESSION[0]) {
          void client.invalidateQueries({ queryKey: SESSION });
        }
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        // What was refused stays refused; what did not answer is asked again.
        retry: (failures, error) =>
          failures < RETRIES && (!(error instanceof Problem) || error.passes),
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
      },
    },
  });
  return client;
}

/** Ask again for what begins with `key` when `version` has changed, at most every `everyMs`. */
export function useRefreshOn(version: number, key: QueryKey, everyMs = 2_000): void {
  const client = useQueryClient();
  const last = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const seen = useRef(version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is a new array each time
  useEffect(() => {
    if (version === seen.current || timer.current !== undefined) return;
    seen.current = version;
    const wait = Math.max(0, last.current + everyMs - Date.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      last.current = Date.now();
      void client.invalidateQueries({ queryKey: key });
    }, wait);
  }, [version, everyMs]);
  useEffect(() => () => clearTimeout(timer.current), []);
}
