/** Names of time zones. */

/** The zone of whoever looks at the page; empty where the browser does not say. */
export function ownZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone && !zone.startsWith("Etc/Unknown") ? zone : "";
}

/** All zones that the browser knows, and the one that is meant. */
export function zonesWith(zone: string): string[] {
  const first = [zone, ownZone(), "UTC"].filter(Boolean);
  return [...new Set([...first, ...Intl.supportedValuesOf("timeZone")])];
}
