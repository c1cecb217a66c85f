/** A stream of the API that is opened again whenever it breaks, and that says how it is. */
import type { Task } from "../api/types";
import type { LiveTasks } from "./tasks";

export type Connection = "connecting" | "live" | "lost";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/**
 * A timer that comes so late means that the machine slept: the connection may be dead. Browsers let
 * those of hidden pages come a minute late.
 */
const SLEPT_MS = 90_000;
const LOOK_MS = 5_000;

export class LiveStream {
  #source: EventSource | null = null;
  #retry = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;
  #looked = 0;
  #connection: Connection = "connecting";
  #listeners = new Set<() => void>();

  /** `one`: a stream about one task, which says nothing when its first view is told. */
  constructor(
    private readonly url: string,
    private readonly tasks: LiveTasks,
    private readonly one = false,
  ) {}

  get connection(): Connection {
    return this.#connection;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  open(): void {
    this.#connect();
    this.#looked = Date.now();
    this.#looks = setInterval(() => {
      const slept = Date.now() - this.#looked > SLEPT_MS;
      this.#looked = Date.now();
      if (slept) this.#connect();
    }, LOOK_MS);
    window.addEventListener("online", this.#connect);
  }

  close(): void {
    window.removeEventListener("online", this.#connect);
    clearInterval(this.#looks);
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #connect = (): void => {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(this.url);
    this.#source = source;
    this.tasks.begin();
    source.onopen = () => {
      this.#retry = FIRST_RETRY_MS;
      this.#become("live");
    };
    source.onerror = () => this.#lose();
    source.addEventListener("task", (event) => {
      this.tasks.tell(JSON.parse((event as MessageEvent<string>).data) as Task);
      if (this.one) this.tasks.ready();
    });
    source.addEventListener("ready", () => this.tasks.ready());
    source.addEventListener("deleted", (event) => {
      this.tasks.forget((JSON.parse((event as MessageEvent<string>).data) as { id: string }).id);
    });
  };

  /** Not left to the browser: it gives up for good when a proxy answers with an error. */
  #lose(): void {
    this.#source?.close();
    this.#become("lost");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#connect, this.#retry * (0.5 + Math.random() / 2));
    this.#retry = Math.min(2 * this.#retry, LAST_RETRY_MS);
  }

  #become(connection: Connection): void {
    if (connection === this.#connection) return;
    this.#connection = connection;
    for (const listener of this.#listeners) listener();
  }
}
