/** The audit log of the API. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { AuditEntry } from "../../api/types";
import { type Sheet, sheetOf } from "../../components/sheet";
import { type AuditFilters, auditQuery } from "./filters";

const EVERY_MS = 10_000;
const ROWS = 50;

/** A page of entries, newest first. */
export function useEntries(filters: AuditFilters, cursor: string | null) {
  return useQuery({
    queryKey: ["audit", filters, cursor],
    queryFn: async ({ signal }): Promise<Sheet<AuditEntry>> => {
      const query = { ...auditQuery(filters), limit: ROWS, cursor };
      return sheetOf(await api.GET("/api/v1/audit", { params: { query }, signal }));
    },
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
  });
}
