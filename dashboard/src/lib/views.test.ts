import { expect, test } from "vitest";
import {
  builtIn,
  filtersOf,
  type Kept,
  readColumns,
  readViews,
  removeView,
  saveColumns,
  saveView,
} from "./views";

function store(first: Record<string, string> = {}): Kept {
  const kept = new Map(Object.entries(first));
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
  };
}

const full: Kept = {
  getItem: () => null,
  setItem: () => {
    throw new Error("The quota has been exceeded.");
  },
};

test("a view that is saved is read again, with its filters", () => {
  const kept = store();
  saveView(kept, "  Mail that failed ", { status: ["failed"], queue: "mail" });
  const [view] = readViews(kept);
  expect(view?.name).toBe("Mail that failed");
  expect(view && filtersOf(view)).toEqual({ status: ["failed"], queue: "mail" });
});

test("views are told by name, and the same name is the same view", () => {
  const kept = store();
  saveView(kept, "b", { status: [] });
  saveView(kept, "a", { status: ["failed"] });
  const views = saveView(kept, "b", { status: ["running"] });
  expect(views).toEqual([
    { name: "a", address: "status=failed" },
    { name: "b", address: "status=running" },
  ]);
  expect(readViews(kept)).toEqual(views);
});

test("a view that is removed is gone", () => {
  const kept = store();
  saveView(kept, "a", { status: ["failed"] });
  expect(removeView(kept, "a")).toEqual([]);
  expect(readViews(kept)).toEqual([]);
});

test.each(["{", "null", "{}", '[1, null, {"name": "a"}, {"name": "", "address": ""}]'])(
  "what a store has wrong is left out: %s",
  (text) => {
    expect(readViews(store({ "tasksystem.views": text }))).toEqual([]);
  },
);

test("a store that is full still answers what was saved", () => {
  expect(saveView(full, "a", { status: ["failed"] })).toHaveLength(1);
});

test("what failed in the last 24 hours is known by a whole minute", () => {
  const now = Date.parse("2026-11-27T08:15:42.500Z");
  expect(builtIn("failed", now)).toEqual({
    status: ["failed"],
    created_after: "2026-11-26T08:15:00.000Z",
  });
  expect(builtIn("waiting", now)).toEqual({ status: ["pending"] });
});

test("columns are read in their own order, and unknown ones are left out", () => {
  const kept = store();
  saveColumns(kept, ["tags", "what", "name"]);
  expect(readColumns(kept, ["name", "queue", "tags"])).toEqual(["name", "tags"]);
  expect(readColumns(store(), ["name"])).toBeNull();
});
