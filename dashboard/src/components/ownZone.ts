/** The time zone of whoever looks at the page; empty where the browser does not say. */
export function ownZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone && !zone.startsWith("Etc/Unknown") ? zone : "";
}
