/** How answers are kept: what is asked for again, how often, and what an error does. */
import {
  keepPreviousData,
  QueryCache,
  QueryClient,
  type QueryKey,
  queryOptions,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type Sheet, sheetOf } from "../components/sheet";
import { api, bodyOf, Problem } from "./client";
import { SESSION, useCan } from "./session";
import type { Queue, TaskType, User } from "./types";

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

/** Ask again for what begins with `key`, after a change. */
export function useRefresh(key: QueryKey): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: key });
}

/** Rows of a page. */
export const ROWS = 50;

/** A page of a list; until it has come, the page that was shown before it. */
export function useSheet<Row>(
  queryKey: QueryKey,
  ask: (signal: AbortSignal) => Promise<{ data?: Row[]; response: Response }>,
  everyMs: number | false,
) {
  return useQuery({
    queryKey,
    queryFn: async ({ signal }): Promise<Sheet<Row>> => sheetOf(await ask(signal)),
    placeholderData: keepPreviousData,
    refetchInterval: everyMs,
  });
}

/** What there is to choose from changes seldom. */
const STALE_MS = 60_000;

/** Every function that can be run. */
export function useTaskTypes() {
  return useQuery({
    queryKey: ["task-types"],
    queryFn: async ({ signal }): Promise<TaskType[]> =>
      bodyOf(await api.GET("/api/v1/task-types", { signal })),
    staleTime: STALE_MS,
  });
}

/** The names of all functions, to choose from; none until they are known. */
export function useFunctionNames(): string[] {
  const names = useTaskTypes().data?.map((type) => type.name) ?? [];
  // What offers them refuses to be drawn with the same one twice.
  return [...new Set(names)];
}

/** How the keys of answers about queues begin. */
export const QUEUES = ["queues"] as const;

const queues = queryOptions({
  queryKey: [...QUEUES, "list"],
  queryFn: async ({ signal }): Promise<Queue[]> =>
    bodyOf(await api.GET("/api/v1/queues", { signal })),
});

/** Every queue, by name, as it is now. */
export function useQueues(everyMs: number) {
  return useQuery({ ...queues, refetchInterval: everyMs });
}

/** The names of all queues, to choose from; none for those who may not see them. */
export function useQueueNames(): string[] {
  const can = useCan();
  const query = useQuery({ ...queues, enabled: can("queues:read"), staleTime: STALE_MS });
  return query.data?.map((queue) => queue.name) ?? [];
}

/** How the keys of answers about users begin. */
export const USERS = ["users"] as const;
/** As many as one answer may have. */
const MOST_USERS = 500;

/** The first users by email, to choose from; none for those who may not see them. */
export function useSomeUsers(): readonly User[] {
  const can = useCan();
  const query = useQuery({
    queryKey: [...USERS, "some"],
    queryFn: async ({ signal }): Promise<User[]> => {
      const params = { query: { limit: MOST_USERS } };
      return bodyOf(await api.GET("/api/v1/users", { params, signal }));
    },
    enabled: can("users:read"),
    staleTime: STALE_MS,
  });
  return query.data ?? [];
}
