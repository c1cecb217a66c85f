import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { type Filters, readFilters, writeFilters } from "../../lib/address";

/** Shows tasks by other filters. What is typed letter by letter does not fill the history. */
export type Show = (filters: Filters, typed?: boolean) => void;

/** The filters that the page's address names, and how they become others. */
export function useFilters(): [Filters, Show] {
  const [address, setAddress] = useSearchParams();
  const filters = useMemo(() => readFilters(address), [address]);
  return [filters, (next, typed) => setAddress(writeFilters(next), { replace: typed === true })];
}
