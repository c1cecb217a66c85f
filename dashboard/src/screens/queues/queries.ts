/** Limits and workers of the API, as they are now. */
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import type { Limit, Worker } from "../../api/types";

export const LIMITS = ["limits"] as const;

const EVERY_MS = 5_000;

/** Every limit, by kind and name, with what counts against it. */
export function useLimits() {
  return useQuery({
    queryKey: LIMITS,
    queryFn: async ({ signal }): Promise<Limit[]> =>
      bodyOf(await api.GET("/api/v1/limits/", { signal })),
    refetchInterval: EVERY_MS,
  });
}

/** Every worker; needs the scope `workers:read`. */
export function useWorkers() {
  return useQuery({
    queryKey: ["workers"],
    queryFn: async ({ signal }): Promise<Worker[]> =>
      bodyOf(await api.GET("/api/v1/workers", { signal })),
    refetchInterval: EVERY_MS,
  });
}
