import { expect, test } from "vitest";
import type { Attempt } from "../../api/types";
import { keptBy } from "./keptCheckpoint";

const AT = "2026-11-27T08:00:00Z";

function attempt(number: number, checkpoint_at: string | null = null): Attempt {
  return { attempt: number, checkpoint_at } as Attempt;
}

test("nothing is kept where no attempt has kept anything", () => {
  expect(keptBy({ attempts: [], more: false })).toBeNull();
  expect(keptBy({ attempts: [attempt(1), attempt(2)], more: false })).toBeNull();
});

test("what an earlier attempt has kept is there for the later ones", () => {
  const attempts = [attempt(1, AT), attempt(2)];
  expect(keptBy({ attempts, more: false })).toEqual({ attempt: 1, at: AT });
});

test("where not all attempts are known, there may be one", () => {
  expect(keptBy({ attempts: [attempt(1)], more: true })).toEqual({ attempt: null, at: null });
});
