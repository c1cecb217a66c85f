/** The audit log of the API. */
import { api } from "../../api/client";
import { ROWS, useSheet } from "../../api/queries";
import type { AuditEntry } from "../../api/types";
import { given } from "../../components/filters";
import type { AuditFilters } from "./filters";

const EVERY_MS = 10_000;

/** A page of entries, newest first. */
export function useEntries(filters: AuditFilters, cursor: string | null) {
  const query = { ...given(filters), limit: ROWS, cursor };
  return useSheet<AuditEntry>(
    ["audit", filters, cursor],
    (signal) => api.GET("/api/v1/audit", { params: { query }, signal }),
    EVERY_MS,
  );
}
