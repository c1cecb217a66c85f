/** What a screen is asked for, kept in the page's address. */
import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { addressOf } from "./filters";

/** The filters that the address names, and how they become others. */
export function useAddress<Filters extends object>(
  read: (address: URLSearchParams) => Filters,
  write: (filters: Filters) => URLSearchParams = addressOf,
) {
  const [address, setAddress] = useSearchParams();
  const filters = useMemo(() => read(address), [read, address]);
  return {
    filters,
    /** The same as text; empty where nothing in particular is asked for. */
    question: write(filters).toString(),
    /** Sets some of them. What is typed letter by letter does not fill the history. */
    change: (some: Partial<Filters>) =>
      setAddress((now) => write({ ...read(now), ...some }), { replace: true }),
    /** Sets all of them; the way back leads to the former ones. */
    apply: (all: Filters) => setAddress(write(all)),
    clear: () => setAddress(""),
  };
}

/** One of some values that the address may name; null where it names none of them. */
export function useChoice<Value extends string>(
  name: string,
  values: readonly Value[],
): [Value | null, (next: string) => void] {
  const [address, setAddress] = useSearchParams();
  const value = values.find((each) => each === address.get(name)) ?? null;
  return [value, (next) => setAddress(next && { [name]: next }, { replace: true })];
}
