/** Levels of logged lines, which each task names as it likes. Pure. */
import type { LogLine } from "../../api/types";

export const LEVELS = ["debug", "info", "warning", "error"] as const;
export type Level = (typeof LEVELS)[number];

const ALSO: Readonly<Record<string, Level>> = {
  trace: "debug",
  notice: "info",
  warn: "warning",
  err: "error",
  critical: "error",
  fatal: "error",
};

/** The level that a line counts as; what nobody knows counts as `info`. */
export function levelOf({ level }: Pick<LogLine, "level">): Level {
  const name = level.trim().toLowerCase();
  const known = LEVELS.find((each) => each === name);
  return known ?? (Object.hasOwn(ALSO, name) ? ALSO[name] : undefined) ?? "info";
}

/** The lines of that level and above. */
export function fromLevel(lines: readonly LogLine[], least: Level): readonly LogLine[] {
  if (least === "debug") return lines;
  const place = LEVELS.indexOf(least);
  return lines.filter((line) => LEVELS.indexOf(levelOf(line)) >= place);
}

/** Lines and those that came after them; one that came twice is kept once. */
export function append(lines: readonly LogLine[], more: readonly LogLine[]): readonly LogLine[] {
  const last = lines.at(-1)?.id ?? 0;
  const fresh = more.filter((line) => line.id > last);
  return fresh.length > 0 ? [...lines, ...fresh] : lines;
}
