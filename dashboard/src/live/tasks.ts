/** Tasks as a stream tells them: the newest version of each. Pure, so that it can be tested alone. */
import type { Task } from "../api/types";

type Listener = () => void;

/** So many are kept: the API itself forgets what else it has told, and never says that it is gone. */
export const MOST = 2_000;

/**
 * A stream begins with what is there, then says `ready`: what it has not told by then is gone. After
 * that come newer versions and what was deleted. Messages are gathered, so that a hundred a second are
 * a few renderings.
 */
export class LiveTasks {
  #tasks: ReadonlyMap<string, Task> = new Map();
  #gathered = new Map<string, Task | null>();
  #told: Set<string> | null = null;
  #listeners = new Set<Listener>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #version = 0;

  constructor(private readonly gatherMs = 250) {}

  /** All of them, by id. Another map after each change. */
  get tasks(): ReadonlyMap<string, Task> {
    return this.#tasks;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** A connection begins: it tells everything anew. */
  begin(): void {
    this.#told = new Set();
  }

  /** Everything that is there has been told. */
  ready(): void {
    const told = this.#told;
    this.#told = null;
    if (told === null) return;
    for (const id of this.#tasks.keys()) {
      if (!told.has(id)) this.#gathered.set(id, null);
    }
    this.#flush();
  }

  /** A task as it is now. One that is older than what is known is ignored. */
  tell(task: Task): void {
    this.#told?.add(task.id);
    const known = this.#gathered.get(task.id) ?? this.#tasks.get(task.id);
    if (known && known.version >= task.version) return;
    this.#gathered.set(task.id, task);
    this.#later();
  }

  /** A task that is gone. */
  forget(id: string): void {
    this.#gathered.set(id, null);
    this.#later();
  }

  #later(): void {
    // While the first view is being told, it is shown as a whole.
    if (this.#told === null) this.#timer ??= setTimeout(() => this.#flush(), this.gatherMs);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.size === 0) return;
    const next = new Map(this.#tasks);
    for (const [id, task] of this.#gathered) {
      // What has changed last stands last.
      next.delete(id);
      if (task !== null) next.set(id, task);
    }
    forgetOldest(next);
    this.#gathered.clear();
    this.#tasks = next;
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}

/** Forget what changed longest ago, but nothing that has not finished. */
function forgetOldest(tasks: Map<string, Task>): void {
  let tooMany = tasks.size - MOST;
  if (tooMany <= 0) return;
  for (const [id, task] of tasks) {
    if (task.status === "pending" || task.status === "running") continue;
    tasks.delete(id);
    tooMany -= 1;
    if (tooMany === 0) return;
  }
}
