import { expect, test } from "vitest";
import type { Explanation, ExplanationReason, TaskStatus } from "../../api/types";
import { isAboutQueues, limitsOf, reasonName, tasksOf, tell, tellAll } from "./reasons";
import { reasonWords } from "./reasonWords";

function reason(code: string, data: Record<string, unknown> = {}): ExplanationReason {
  return { code, data, sentence: "As the API says it", cure: "Its cure" };
}

test("both languages know the same codes and reasons", () => {
  const { en, zh } = reasonWords;
  expect(Object.keys(zh.codes)).toEqual(Object.keys(en.codes));
  expect(Object.keys(zh.ended)).toEqual(Object.keys(en.ended));
});

test("every code has its words even where the API leaves its data out", () => {
  for (const language of ["en", "zh"] as const) {
    for (const code of Object.keys(reasonWords.en.codes)) {
      const { sentence, cure } = tell(reason(code), "pending", language);
      expect(sentence, code).not.toBe("As the API says it");
      expect(`${sentence}${cure}`, code).not.toMatch(/undefined|null|NaN|\[object/);
    }
  }
});

test("a code that nobody knows is said as the API says it", () => {
  const unknown = { sentence: "As the API says it", cure: "Its cure" };
  expect(tell(reason("moon_is_full"), "pending", "zh")).toEqual(unknown);
  expect(tell(reason("constructor"), "pending", "zh")).toEqual(unknown);
});

test("a failure is told with its reason and its error", () => {
  const failed = reason("finished", {
    reason: "exception",
    completed_at: "2026-11-27T08:00:00Z",
    error_type: "ValueError",
    error_message: "no such shop",
  });
  const { sentence } = tell(failed, "failed", "en");
  expect(sentence).toMatch(/^It failed at .*: an exception: ValueError: no such shop$/);
});

function explained(status: TaskStatus, ...reasons: ExplanationReason[]): Explanation {
  return { task_id: "a", asked_at: "2026-11-27T08:00:00Z", status, reasons };
}

test.each([
  ["en", "Nothing holds it up."],
  ["zh", "没有任何阻碍。"],
] as const)("nothing holds up what only runs, in %s", (language, cure) => {
  const [told] = tellAll(explained("running", reason("running")), language);
  expect(told?.cure).toBe(cure);
});

test.each(["cancel_requested", "worker_silent"])("%s holds up what runs", (code) => {
  for (const language of ["en", "zh"] as const) {
    const told = tellAll(explained("running", reason(code), reason("running")), language);
    expect(told.map((each) => each.reason.code)).toEqual([code, "running"]);
    expect(told.map((each) => each.cure === "")).toEqual([false, true]);
  }
});

test("tasks ahead are counted, with an estimate where there is one", () => {
  const ahead = { queue: "mail", ahead: 1000, more: true, estimate_seconds: 90 };
  expect(tell(reason("tasks_ahead", ahead), "pending", "en").sentence).toBe(
    "Tasks ahead of it in the queue mail: 1,000 or more; " +
      "at their usual pace that is at least 1 min 30 s.",
  );
  const few = { ...ahead, ahead: 3, more: false, estimate_seconds: null };
  expect(tell(reason("tasks_ahead", few), "pending", "zh").sentence).toBe(
    "在队列 mail 中，它前面还有 3 个任务。",
  );
});

test("a limit is told by what it counts", () => {
  const limit = { kind: "queue", name: "mail", used: 2, allowed: 2, rate: null };
  const rate = { kind: "key", name: "shop", used: 9, allowed: 9, rate: "9/m", free_in_seconds: 4 };
  expect(limitsOf({ limits: [limit, rate] }, "en")).toEqual([
    "The queue mail lets 2 run at a time, and 2 run or are handed out",
    "The key shop lets out 9/m, and 9 were; the next in 4.0 s",
  ]);
  expect(limitsOf({}, "en")).toEqual([]);
});

test("tasks that it waits for are there to be gone to", () => {
  const needed = { id: "a", name: "First", status: "running" };
  expect(tasksOf({ tasks: [needed] })).toEqual([needed]);
  expect(tasksOf({ total: 3 })).toEqual([]);
});

test("a reason without words is its own name", () => {
  expect(reasonName("timeout", "zh")).toBe("超出时间限制");
  expect(reasonName("of_the_moon", "zh")).toBe("of_the_moon");
});

test("what queues and workers explain leads there", () => {
  expect(isAboutQueues("queue_paused")).toBe(true);
  expect(isAboutQueues("scheduled")).toBe(false);
});
