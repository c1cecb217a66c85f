import { ownZone } from "../../components/ownZone";

/** All time zones that the browser knows, and the one that is meant. */
export function zonesWith(zone: string): string[] {
  const first = [zone, ownZone(), "UTC"].filter(Boolean);
  return [...new Set([...first, ...Intl.supportedValuesOf("timeZone")])];
}
