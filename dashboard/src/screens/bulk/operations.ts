/** Bulk operations: what is ordered, and how far it has come. */
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { ROWS, useSheet } from "../../api/queries";
import type { BulkAction, BulkItem, BulkOperation, BulkPreview } from "../../api/types";
import type { Conditions } from "../../lib/address";

/** How the keys of all these answers begin. */
export const BULK = ["bulk"] as const;
const RUNNING_MS = 1_000;
const LIST_MS = 5_000;

/** Which tasks an order is about. */
export type Chosen = { readonly ids: string[] } | { readonly filter: Conditions };

/** A type, since an interface would not be taken for the settings of a request. */
type Sent = {
  body: Chosen & { dry_run: boolean };
  params?: { header: { "idempotency-key": string } };
  signal?: AbortSignal;
};

const SEND = {
  cancel: (sent: Sent) => api.POST("/api/v1/tasks/bulk/cancel", sent),
  retry: (sent: Sent) => api.POST("/api/v1/tasks/bulk/retry", sent),
  delete: (sent: Sent) => api.POST("/api/v1/tasks/bulk/delete", sent),
} as const;

/** How many tasks it would be about, and the newest of them. Nothing is done. */
export async function previewOrder(
  action: BulkAction,
  chosen: Chosen,
  signal: AbortSignal,
): Promise<BulkPreview> {
  const answer = await SEND[action]({ body: { ...chosen, dry_run: true }, signal });
  return bodyOf(answer) as BulkPreview;
}

/** Gives the order. Given again with the same `key` it is no second one. */
export async function giveOrder(
  action: BulkAction,
  chosen: Chosen,
  key: string,
): Promise<BulkOperation> {
  const params = { header: { "idempotency-key": key } };
  const answer = await SEND[action]({ body: { ...chosen, dry_run: false }, params });
  return bodyOf(answer) as BulkOperation;
}

function operationKey(id: string) {
  return [...BULK, "operation", id] as const;
}

/** An operation, followed while it runs; `first` is what is known of it already. */
export function useOperation(id: string, first?: BulkOperation) {
  return useQuery({
    queryKey: operationKey(id),
    queryFn: async ({ signal }): Promise<BulkOperation> => {
      const path = { operation_id: id };
      return bodyOf(
        await api.GET("/api/v1/bulk-operations/{operation_id}", { signal, params: { path } }),
      );
    },
    initialData: first,
    refetchInterval: (query) => (query.state.data?.status === "running" ? RUNNING_MS : false),
  });
}

/** Stops an operation after the batch that is under way. */
export async function abortOperation(id: string): Promise<void> {
  const params = { path: { operation_id: id } };
  await api.POST("/api/v1/bulk-operations/{operation_id}/abort", { params });
}

/** A page of operations, newest first. */
export function useOperations(status: BulkOperation["status"] | null, cursor: string | null) {
  const query = { status, cursor, limit: ROWS };
  return useSheet<BulkOperation>(
    [...BULK, "list", status, cursor],
    (signal) => api.GET("/api/v1/bulk-operations", { params: { query }, signal }),
    LIST_MS,
  );
}

/** A page of what came of each task; asked for again while the operation runs, and when it ends. */
export function useItems(
  id: string,
  outcome: Outcome | null,
  cursor: string | null,
  live: boolean,
) {
  const params = { path: { operation_id: id }, query: { outcome, cursor, limit: ROWS } };
  return useSheet<BulkItem>(
    [...operationKey(id), "items", outcome, cursor, live],
    (signal) => api.GET("/api/v1/bulk-operations/{operation_id}/items", { params, signal }),
    live && LIST_MS,
  );
}

export const OUTCOMES = [
  "revoked",
  "stopping",
  "retried",
  "deleted",
  "already_revoked",
  "finished",
  "not_finished",
  "refused",
  "needed",
  "not_found",
] as const;

export type Outcome = (typeof OUTCOMES)[number];
