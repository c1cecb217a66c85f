/** What the screens of webhooks ask the API for. */
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { ROWS, useSheet } from "../../api/queries";
import type { Delivery, DeliveryDetail, DeliveryStatus, Webhook } from "../../api/types";

/** How the keys of all these answers begin. */
export const WEBHOOKS = ["webhooks"] as const;
/** Of the list alone: what is deleted must not be asked for. */
export const WEBHOOK_LIST = [...WEBHOOKS, "list"] as const;
const EVERY_MS = 5_000;

export function useWebhooks(cursor: string | null) {
  const query = { limit: ROWS, cursor };
  return useSheet<Webhook>(
    [...WEBHOOK_LIST, cursor],
    (signal) => api.GET("/api/v1/webhooks/", { params: { query }, signal }),
    2 * EVERY_MS,
  );
}

export function useWebhook(id: string) {
  return useQuery({
    queryKey: [...WEBHOOKS, "one", id],
    queryFn: async ({ signal }): Promise<Webhook> => {
      const path = { webhook_id: id };
      return bodyOf(await api.GET("/api/v1/webhooks/{webhook_id}", { params: { path }, signal }));
    },
    refetchInterval: EVERY_MS,
  });
}

export function useDeliveries(id: string, status: DeliveryStatus | null, cursor: string | null) {
  const params = { path: { webhook_id: id }, query: { limit: ROWS, status, cursor } };
  return useSheet<Delivery>(
    [...WEBHOOKS, "deliveries", id, status, cursor],
    (signal) => api.GET("/api/v1/webhooks/{webhook_id}/deliveries", { params, signal }),
    EVERY_MS,
  );
}

export function useDelivery(id: string, delivery: string) {
  return useQuery({
    queryKey: [...WEBHOOKS, "delivery", id, delivery],
    queryFn: async ({ signal }): Promise<DeliveryDetail> => {
      const path = { webhook_id: id, delivery_id: delivery };
      const url = "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}";
      return bodyOf(await api.GET(url, { params: { path }, signal }));
    },
    // What is final changes by a replay only, which asks for it again.
    refetchInterval: ({ state }) => (state.data?.status === "pending" ? EVERY_MS : false),
  });
}
