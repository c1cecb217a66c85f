/** Numbers, durations and times as people read them. Pure: language and moment are handed in. */

/** Formatters are dear to make: one for each language and purpose. */
function kept<T>(make: (language: string) => T): (language: string) => T {
  const made = new Map<string, T>();
  return (language) => {
    const known = made.get(language);
    if (known !== undefined) return known;
    const fresh = make(language);
    made.set(language, fresh);
    return fresh;
  };
}

const WHOLE = kept((language) => new Intl.NumberFormat(language, { maximumFractionDigits: 0 }));
const TENTHS = kept((language) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }));
const PERCENT = kept(
  (language) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }),
);
const COMPACT = kept(
  (language) => new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 }),
);
const RELATIVE = kept(
  (language) => new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" }),
);
// Of 24 hours in every language, as on the charts.
const LOCAL = kept(
  (language) =>
    new Intl.DateTimeFormat(language, {
      dateStyle: "medium",
      timeStyle: "medium",
      hourCycle: "h23",
    }),
);

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const BYTES = ["B", "kB", "MB", "GB", "TB"] as const;

/** `1,234,567`; from a million on with two digits and a letter. */
export function count(value: number, language: string): string {
  return (value >= 1_000_000 ? COMPACT : WHOLE)(language).format(value);
}

/** `12.5%` of 0.125, with one digit at most; null is a dash. */
export function percent(share: number | null, language: string): string {
  return share === null ? "–" : PERCENT(language).format(share);
}

/** `99%` of a progress of 99.9, which is not yet all. */
export function wholePercent(progress: number, language: string): string {
  return percent(Math.floor(progress) / 100, language);
}

/** Seconds as `850 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`; null is a dash. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 0) return `-${duration(-seconds)}`;
  if (seconds < 0.9995) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < MINUTE - 0.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < HOUR) return two(whole, MINUTE, "min", 1, "s");
  if (whole < DAY) return two(whole, HOUR, "h", MINUTE, "min");
  return two(whole, DAY, "d", HOUR, "h");
}

function two(seconds: number, large: number, name: string, small: number, rest: string): string {
  const first = Math.floor(seconds / large);
  const second = Math.floor((seconds % large) / small);
  return second ? `${first} ${name} ${second} ${rest}` : `${first} ${name}`;
}

/** Bytes as `12 kB`, `3.4 MB`. */
export function bytes(value: number, language: string): string {
  let [size, place] = [value, 0];
  // What would be rounded to a thousand is one of the next unit.
  while (size >= 999.5 && place < BYTES.length - 1) [size, place] = [size / 1000, place + 1];
  const digits = place > 1 ? TENTHS : WHOLE;
  // A space that no line is broken at; the units of Intl have one in some languages only.
  return `${digits(language).format(size)}\u00a0${BYTES[place]}`;
}

/** `3 minutes ago`, `in 2 hours`: of a moment and the present one, in milliseconds. */
export function relative(moment: number, now: number, language: string): string {
  const seconds = (moment - now) / 1000;
  const size = Math.abs(seconds);
  const [unit, length] =
    size < MINUTE
      ? (["second", 1] as const)
      : size < HOUR
        ? (["minute", MINUTE] as const)
        : size < DAY
          ? (["hour", HOUR] as const)
          : (["day", DAY] as const);
  return RELATIVE(language).format(Math.trunc(seconds / length), unit);
}

/** A moment in the viewer's zone, to the second. */
export function local(moment: string | number, language: string): string {
  return LOCAL(language).format(new Date(moment));
}

/** A moment in UTC: `2026-11-27 08:15:00 UTC`. */
export function utc(moment: string | number): string {
  return `${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Seconds between two times of the API; null where one is missing. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  return from === null || to === null ? null : (Date.parse(to) - Date.parse(from)) / 1000;
}

/** The last part of a dotted path: what a function is called. */
export function shortName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** At most `length` characters, the last one a `…` where some are missing. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
