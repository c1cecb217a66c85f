/** The functions that can be run, and the queues there are, to choose from. */
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { useCan } from "../../api/session";
import type { TaskType } from "../../api/types";
import { ANYTHING, type Schema } from "../../lib/json-schema";

/** They change when the API is started anew. */
const STALE_MS = 60_000;

export function useTaskTypes() {
  return useQuery({
    queryKey: ["task-types"],
    queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/task-types", { signal })),
    staleTime: STALE_MS,
  });
}

/** Names of queues; none for those who may not see them. */
export function useQueueNames(): readonly string[] {
  const can = useCan();
  const query = useQuery({
    queryKey: ["queue-names"],
    queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/queues", { signal })),
    select: (queues) => queues.map((queue) => queue.name),
    enabled: can("queues:read"),
    staleTime: STALE_MS,
  });
  return query.data ?? [];
}

/** What the function of that name takes; anything, as far as is known of one that is not there. */
export function schemaOf(types: readonly TaskType[], name: string): Schema {
  return types.find((type) => type.name === name)?.parameters ?? ANYTHING;
}
