import { expect, test } from "vitest";
import {
  bytes,
  clip,
  count,
  duration,
  percent,
  relative,
  secondsBetween,
  shortName,
  utc,
  wholePercent,
} from "./format";

test.each([
  [0, "0 ms"],
  [0.0004, "0 ms"],
  [0.85, "850 ms"],
  [0.9996, "1.0 s"],
  [3.21, "3.2 s"],
  [9.97, "10 s"],
  [59.4, "59 s"],
  [59.6, "1 min"],
  [250, "4 min 10 s"],
  [3600, "1 h"],
  [7500, "2 h 5 min"],
  [86_400 * 3 + 3600 * 4, "3 d 4 h"],
  [-2, "-2.0 s"],
  [null, "–"],
  [Number.NaN, "–"],
])("%s seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [-3_000, "3 sec. ago"],
  [-61_000, "1 min. ago"],
  [2 * 3_600_000, "in 2 hr."],
  [0, "now"],
  [-86_400_000, "yesterday"],
])("%s ms from now is %s", (offset, text) => {
  expect(relative(1_000_000_000 + offset, 1_000_000_000, "en")).toBe(text);
});

test("counts are exact up to a million", () => {
  expect(count(999_999, "en")).toBe("999,999");
  expect(count(1_234_567, "en")).toBe("1.23M");
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [12_345, "12 kB"],
  [999_999, "1 MB"],
  [5_400_000, "5.4 MB"],
  [534_700_000, "534.7 MB"],
  [2e15, "2,000 TB"],
])("%s bytes are %s, in every language", (value, text) => {
  const unbroken = text.replace(" ", "\u00a0");
  expect(bytes(value, "en")).toBe(unbroken);
  expect(bytes(value, "zh")).toBe(unbroken);
});

test("a share that is not known is a dash", () => {
  expect(percent(null, "en")).toBe("–");
  expect(percent(0.125, "en")).toBe("12.5%");
});

test.each(["en", "zh"])("a share has one digit where it needs one, in %s", (language) => {
  expect(percent(0.025, language)).toBe("2.5%");
  expect(percent(0.333333, language)).toBe("33.3%");
  expect(percent(0, language)).toBe("0%");
  expect(percent(1, language)).toBe("100%");
});

test("progress is a hundred when it is all, and not before", () => {
  expect(wholePercent(99.9, "en")).toBe("99%");
  expect(wholePercent(29, "zh")).toBe("29%");
  expect(wholePercent(100, "en")).toBe("100%");
});

test("times are told in UTC to the second", () => {
  expect(utc("2026-11-27T08:15:00.123456Z")).toBe("2026-11-27 08:15:00 UTC");
});

test("seconds between two times, where both are known", () => {
  expect(secondsBetween("2026-11-27T08:00:00Z", "2026-11-27T08:00:01.5Z")).toBe(1.5);
  expect(secondsBetween(null, "2026-11-27T08:00:01Z")).toBeNull();
});

test("a function is called by the last part of its path", () => {
  expect(shortName("app.tasks.common_tasks.long_running_task")).toBe("long_running_task");
  expect(shortName("plain")).toBe("plain");
});

test("what is clipped says so", () => {
  expect(clip("abcdef", 6)).toBe("abcdef");
  expect(clip("abcdefg", 6)).toBe("abcde…");
});
