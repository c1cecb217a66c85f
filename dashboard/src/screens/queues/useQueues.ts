/** Queues, limits and workers of the API, as they are now. */
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import type { Limit, Queue, Worker } from "../../api/types";

export const QUEUES = ["queues"] as const;
export const LIMITS = ["limits"] as const;
export const WORKERS = ["workers"] as const;

const QUEUES_MS = 3_000;
const OTHERS_MS = 5_000;

/** Every queue, by name. */
export function useQueues() {
  return useQuery({
    queryKey: [...QUEUES, "list"],
    queryFn: async ({ signal }): Promise<Queue[]> =>
      bodyOf(await api.GET("/api/v1/queues", { signal })),
    refetchInterval: QUEUES_MS,
  });
}

/** Every limit, by kind and name, with what counts against it. */
export function useLimits() {
  return useQuery({
    queryKey: [...LIMITS, "list"],
    queryFn: async ({ signal }): Promise<Limit[]> =>
      bodyOf(await api.GET("/api/v1/limits/", { signal })),
    refetchInterval: OTHERS_MS,
  });
}

/** Every worker; needs the scope `workers:read`. */
export function useWorkers() {
  return useQuery({
    queryKey: [...WORKERS, "list"],
    queryFn: async ({ signal }): Promise<Worker[]> =>
      bodyOf(await api.GET("/api/v1/workers", { signal })),
    refetchInterval: OTHERS_MS,
  });
}
