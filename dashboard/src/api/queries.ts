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
  // The key may be another one when the time comes, as with other filters.
  const asked = useRef(key);
  asked.current = key;
  useEffect(() => {
    function refresh() {
      const filter = { queryKey: asked.current };
      // To ask again stops what is asked for: an answer slower than the changes would never come.
      if (client.isFetching(filter) > 0) {
        timer.current = setTimeout(refresh, everyMs);
        return;
      }
      timer.current = undefined;
      last.current = Date.now();
      void client.invalidateQueries(filter);
    }
    if (version === seen.current || timer.current !== undefined) return;
    seen.current = version;
    timer.current = setTimeout(refresh, Math.max(0, last.current + everyMs - Date.now()));
  }, [client, version, everyMs]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      // Effects may come again: React keeps what is hidden.
      timer.current = undefined;
    },
    [],
  );
}
