/** Live tasks in components. */
import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { SESSION } from "../api/session";
import type { Task } from "../api/types";
import { type Connection, LiveStream } from "./stream";
import { LiveTasks } from "./tasks";

interface Live {
  readonly tasks: LiveTasks;
  readonly stream: LiveStream;
}

const All = createContext<Live | null>(null);

function make(url: string, one: boolean): Live {
  const tasks = new LiveTasks();
  return { tasks, stream: new LiveStream(url, tasks, one) };
}

/** One stream of all tasks for the whole page: a browser allows few connections to one address. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [live] = useState(() => make("/api/v1/tasks/events", false));
  const client = useQueryClient();
  useEffect(() => {
    const { stream } = live;
    stream.open();
    // It may be lost because the session is over: a stream cannot say why.
    const unsubscribe = stream.subscribe(() => {
      if (stream.connection === "lost") void client.invalidateQueries({ queryKey: SESSION });
    });
    return () => {
      unsubscribe();
      stream.close();
    };
  }, [live, client]);
  return <All.Provider value={live}>{children}</All.Provider>;
}

function useLive(): Live {
  const live = useContext(All);
  if (live === null) throw new Error("There is no LiveProvider");
  return live;
}

/** How the stream of all tasks is. */
export function useConnection(): Connection {
  const { stream } = useLive();
  return useSyncExternalStore(stream.subscribe, () => stream.connection);
}

/** The active tasks and the newest 500, by id, as they are now. */
export function useLiveTasks(): ReadonlyMap<string, Task> {
  const { tasks } = useLive();
  return useSyncExternalStore(tasks.subscribe, () => tasks.tasks);
}

/** A number that grows whenever any task changes: see `useRefreshOn`. */
export function useLiveVersion(): number {
  const { tasks } = useLive();
  return useSyncExternalStore(tasks.subscribe, () => tasks.version);
}

/** These tasks, each in the newer of the two versions that are known. */
export function useNewest(tasks: readonly Task[]): readonly Task[] {
  const live = useLiveTasks();
  return useMemo(
    () =>
      tasks.map((task) => {
        const told = live.get(task.id);
        return told && told.version > task.version ? told : task;
      }),
    [tasks, live],
  );
}

/** One task by a stream of its own: undefined until it is told, null when it is gone. */
export function useLiveTask(id: string): Task | null | undefined {
  const live = useMemo(() => make(`/api/v1/tasks/${id}/events`, true), [id]);
  useEffect(() => {
    live.stream.open();
    return () => live.stream.close();
  }, [live]);
  const version = useSyncExternalStore(live.tasks.subscribe, () => live.tasks.version);
  const task = live.tasks.tasks.get(id);
  return task ?? (version > 0 ? null : undefined);
}
