import { expect, test } from "vitest";
import type { Task } from "../api/types";
import { curlSnippet, python, pythonSnippet, shellWord, submission } from "./snippets";

const NOW = Date.parse("2026-11-27T09:00:00Z");
const ORIGIN = "https://tasks.example";

function task(more: Partial<Task> = {}): Task {
  return {
    id: "01a20e62-5c01-77fa-b45b-507bb0619966",
    name: "Orders",
    task_type: "export",
    celery_task_name: "shop.export.orders",
    args: [1, 50],
    kwargs: {},
    queue: "default",
    priority: 2,
    max_attempts: 1,
    time_limit: null,
    soft_time_limit: null,
    scheduled_at: null,
    expires_at: null,
    parent_id: null,
    depends_on: [],
    tags: [],
    owner_ref: null,
    limit_key: null,
    ...more,
  } as Task;
}

/** The body of a command, read back as a shell would hand it to curl. */
function bodyOf(command: string): unknown {
  const word = command.slice(command.indexOf("--data-raw ") + "--data-raw ".length);
  return JSON.parse(word.slice(1, -1).replaceAll("'\\''", "'"));
}

test("a submission has what the task was given, and nothing that is the usual", () => {
  expect(submission(task(), NOW)).toEqual({
    name: "Orders",
    task_type: "export",
    celery_task_name: "shop.export.orders",
    args: [1, 50],
    queue: "default",
    max_attempts: 1,
  });
});

test("a time is given again only while it is to come", () => {
  const times = { scheduled_at: "2026-11-27T08:00:00Z", expires_at: "2026-11-28T08:00:00Z" };
  const again = submission(task(times), NOW);
  expect(again.scheduled_at).toBeUndefined();
  expect(again.expires_at).toBe("2026-11-28T08:00:00Z");
});

test("a shell's word holds any text", () => {
  expect(shellWord("plain")).toBe("'plain'");
  expect(shellWord("it's $HOME `id` \\ !")).toBe("'it'\\''s $HOME `id` \\ !'");
});

test("the command's body is the submission, whatever the name is", () => {
  const hostile = task({ name: "'; rm -rf ~ #'$(id)`id`\"\\", priority: 4 });
  const command = curlSnippet(hostile, ORIGIN, NOW);
  expect(command).toContain(`curl -fsS -X POST '${ORIGIN}/api/v1/tasks/' \\\n`);
  expect(command).toContain('-H "Authorization: Bearer $TOKEN"');
  expect(bodyOf(command)).toEqual(submission(hostile, NOW));
});

test("characters that cannot be seen are written as numbers", () => {
  const unseen = task({ name: "a\u202eb\u009b\u2028c" });
  const command = curlSnippet(unseen, ORIGIN, NOW);
  expect(command).toContain("a\\u202eb\\u009b\\u2028c");
  expect(bodyOf(command)).toMatchObject({ name: unseen.name });
});

test("a body that is too long for a word is read from the text behind the command", () => {
  const long = task({ args: ["END\nEND", "x".repeat(200_000)] });
  const lines = curlSnippet(long, ORIGIN, NOW).split("\n");
  expect(lines.filter((line) => line === "END")).toHaveLength(1);
  expect(lines.at(-1)).toBe("END");
  const start = lines.findIndex((line) => line.endsWith("<<'END'"));
  expect(JSON.parse(lines.slice(start + 1, -1).join("\n"))).toEqual(submission(long, NOW));
});

test.each([
  [null, "None"],
  [true, "True"],
  [false, "False"],
  [1.5, "1.5"],
  ['a"b\\c\nd', '"a\\"b\\\\c\\nd"'],
  [[1, "a", null], '[1, "a", None]'],
  [{ on: true, deep: { list: [] } }, '{"on": True, "deep": {"list": []}}'],
])("%j in Python is %s", (value, text) => {
  expect(python(value)).toBe(text);
});

test("a long value goes over several lines", () => {
  const value = ["x".repeat(40), "y".repeat(40)];
  expect(python(value, 1)).toBe(
    `[\n        "${"x".repeat(40)}",\n        "${"y".repeat(40)}",\n    ]`,
  );
});

test("the script calls the client with the function, its arguments, and the rest by name", () => {
  const script = pythonSnippet(task({ kwargs: { dry: true }, tags: ["shop"] }), ORIGIN, NOW);
  expect(script.split("\n")).toEqual([
    "import os",
    "",
    "from tasksystem_client import TaskClient",
    "",
    'with TaskClient("https://tasks.example", token=os.environ["TOKEN"]) as client:',
    "    task = client.submit(",
    '        "shop.export.orders",',
    "        [1, 50],",
    '        {"dry": True},',
    '        name="Orders",',
    '        task_type="export",',
    '        queue="default",',
    "        max_attempts=1,",
    '        tags=["shop"],',
    "    )",
    "    print(task.id)",
  ]);
});

test("a function without positional arguments keeps its others in their place", () => {
  const script = pythonSnippet(task({ args: [], kwargs: { n: 1 } }), ORIGIN, NOW);
  expect(script).toContain('        [],\n        {"n": 1},\n');
});
