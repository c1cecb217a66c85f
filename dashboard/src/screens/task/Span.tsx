import { useNow } from "../../components/When";
import { duration } from "../../lib/format";

/** How long from then, so far or until the end. */
export function Span({ from, to }: { from: string; to: string | null }) {
  return to === null ? <SpanSoFar from={from} /> : duration(between(from, Date.parse(to)));
}

function SpanSoFar({ from }: { from: string }) {
  return duration(Math.max(0, Math.floor(between(from, useNow()))));
}

function between(from: string, to: number): number {
  return (to - Date.parse(from)) / 1000;
}
