/** What the screens of webhooks ask the API for. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import type { Delivery, DeliveryDetail, DeliveryStatus, Webhook } from "../../api/types";
import { type Sheet, sheetOf } from "../../components/sheet";

const WEBHOOKS = "webhooks";
const ROWS = 50;
const EVERY_MS = 5_000;

export function useWebhooks(cursor: string | null) {
  return useQuery({
    queryKey: [WEBHOOKS, "list", cursor],
    queryFn: async ({ signal }): Promise<Sheet<Webhook>> => {
      const query = { limit: ROWS, cursor };
      const answer = await api.GET("/api/v1/webhooks/", { params: { query }, signal });
      return sheetOf(answer);
    },
    placeholderData: keepPreviousData,
    refetchInterval: 2 * EVERY_MS,
  });
}

export function useWebhook(id: string) {
  return useQuery({
    queryKey: [WEBHOOKS, "one", id],
    queryFn: async ({ signal }): Promise<Webhook> => {
      const path = { webhook_id: id };
      return bodyOf(await api.GET("/api/v1/webhooks/{webhook_id}", { params: { path }, signal }));
    },
    refetchInterval: EVERY_MS,
  });
}

export function useDeliveries(
  id: string,
  status: DeliveryStatus | undefined,
  cursor: string | null,
) {
  return useQuery({
    queryKey: [WEBHOOKS, "deliveries", id, status, cursor],
    queryFn: async ({ signal }): Promise<Sheet<Delivery>> => {
      const answer = await api.GET("/api/v1/webhooks/{webhook_id}/deliveries", {
        params: { path: { webhook_id: id }, query: { limit: ROWS, status, cursor } },
        signal,
      });
      return sheetOf(answer);
    },
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
}

export function useDelivery(id: string, delivery: string) {
  return useQuery({
    queryKey: [WEBHOOKS, "delivery", id, delivery],
    queryFn: async ({ signal }): Promise<DeliveryDetail> => {
      const path = { webhook_id: id, delivery_id: delivery };
      const url = "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}";
      return bodyOf(await api.GET(url, { params: { path }, signal }));
    },
    // What is final changes by a replay only, which asks for it again.
    refetchInterval: ({ state }) => (state.data?.status === "pending" ? EVERY_MS : false),
  });
}

/** Ask again for all of it, after a change. */
export function useRefreshWebhooks(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: [WEBHOOKS] });
}

/** Ask again for the list alone: what is deleted must not be asked for. */
export function useRefreshList(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: [WEBHOOKS, "list"] });
}
