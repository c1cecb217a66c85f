/** How to submit a task like this one from elsewhere: by curl and in Python. Pure. */
import type { Task, TaskCreate } from "../api/types";

/** Bytes: a longer word does not fit into a command line, which takes 128 KiB on Linux. */
const LONGEST_WORD = 120_000;
/** Characters that cannot be seen, or that change what is seen around them. */
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const NORMAL_PRIORITY = 2;

/** What creates the same task again. Times that are past are left out; `now` in milliseconds. */
export function submission(task: Task, now: number): Partial<TaskCreate> {
  const all: Partial<TaskCreate> = {
    name: task.name,
    task_type: task.task_type,
    celery_task_name: task.celery_task_name,
    args: task.args,
    kwargs: task.kwargs,
    priority: task.priority === NORMAL_PRIORITY ? undefined : task.priority,
    queue: task.queue,
    scheduled_at: future(task.scheduled_at, now),
    expires_at: future(task.expires_at, now),
    max_attempts: task.max_attempts,
    time_limit: task.time_limit,
    soft_time_limit: task.soft_time_limit,
    parent_id: task.parent_id,
    depends_on: task.depends_on,
    tags: task.tags,
    owner_ref: task.owner_ref,
    limit_key: task.limit_key,
  };
  const said = Object.entries(all).filter(([, value]) => says(value));
  return Object.fromEntries(said) as Partial<TaskCreate>;
}

/** A command for a POSIX shell that has the token in `TOKEN`. */
export function curlSnippet(task: Task, origin: string, now: number): string {
  const body = json(submission(task, now));
  const lines = [
    `curl -fsS -X POST ${shellWord(`${origin}/api/v1/tasks/`)}`,
    '  -H "Authorization: Bearer $TOKEN"',
    "  -H 'Content-Type: application/json'",
  ];
  const word = shellWord(body);
  if (new TextEncoder().encode(word).length <= LONGEST_WORD) {
    return [...lines, `  --data-raw ${word}`].join(" \\\n");
  }
  // No line of indented JSON is a bare word, so nothing in it can end the text.
  return `${[...lines, "  --data-binary @- <<'END'"].join(" \\\n")}\n${body}\nEND`;
}

/** A script for the client distribution, with the token in the environment. */
export function pythonSnippet(task: Task, origin: string, now: number): string {
  const { celery_task_name, args, kwargs, ...options } = submission(task, now);
  const values = [
    python(celery_task_name, 2),
    ...(args || kwargs ? [python(args ?? [], 2)] : []),
    ...(kwargs ? [python(kwargs, 2)] : []),
    ...Object.entries(options).map(([name, value]) => `${name}=${python(value, 2)}`),
  ];
  return [
    "import os",
    "",
    "from tasksystem_client import TaskClient",
    "",
    `with TaskClient(${python(origin, 1)}, token=os.environ["TOKEN"]) as client:`,
    "    task = client.submit(",
    ...values.map((value) => `        ${value},`),
    "    )",
    "    print(task.id)",
  ].join("\n");
}

/** One word of a POSIX shell, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A JSON value as Python writes it, indented from the given level on. */
export function python(value: unknown, level = 0): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return string(value);
  if (Array.isArray(value)) {
    return nested(
      "[]",
      value.map((each: unknown) => python(each, level + 1)),
      level,
    );
  }
  if (typeof value === "object") {
    const items = Object.entries(value).map(
      ([name, each]) => `${string(name)}: ${python(each, level + 1)}`,
    );
    return nested("{}", items, level);
  }
  return String(value);
}

function nested(brackets: string, items: readonly string[], level: number): string {
  const [open, close] = brackets;
  const line = `${open}${items.join(", ")}${close}`;
  if (line.length <= 60 && !line.includes("\n")) return line;
  const margin = "    ".repeat(level);
  return `${open}\n${items.map((item) => `${margin}    ${item},\n`).join("")}${margin}${close}`;
}

/** Python reads what JSON escapes. */
function string(text: string): string {
  return escapeUnseen(JSON.stringify(text));
}

function json(value: unknown): string {
  return escapeUnseen(JSON.stringify(value, null, 2));
}

/** In JSON such characters stand only in strings, where they may be written as numbers. */
function escapeUnseen(text: string): string {
  return text.replace(
    UNSEEN,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function future(time: string | null, now: number): string | undefined {
  return time !== null && Date.parse(time) > now ? time : undefined;
}

/** Whether leaving it out would say something else. */
function says(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
