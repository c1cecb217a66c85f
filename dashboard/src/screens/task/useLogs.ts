import { useEffect, useRef, useState } from "react";
import { api, bodyOf, Problem } from "../../api/client";
import type { LogLine } from "../../api/types";
import { append } from "./logLines";

const PAGE = 1_000;
const LIVE_MS = 2_000;
const BROKEN_MS = 5_000;

export interface Logs {
  readonly lines: readonly LogLine[];
  /** Everything that was there has been read once. */
  readonly read: boolean;
  readonly error: unknown;
}

const NOTHING: Logs = { lines: [], read: false, error: null };

/**
 * The lines of a task, page by page, and on while it runs. Not kept as an answer of the API: only
 * what is new is asked for. After the end they are read twice, as the last may come a little later.
 */
export function useLogs(id: string, finished: boolean): Logs {
  const [logs, setLogs] = useState(NOTHING);
  const after = useRef(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let readings = finished ? 2 : Number.POSITIVE_INFINITY;

    async function readOn() {
      try {
        const page = await readPage(id, after.current, abort.signal);
        if (abort.signal.aborted) return;
        after.current = page.at(-1)?.id ?? after.current;
        const full = page.length === PAGE;
        setLogs(({ lines, read }) => ({
          lines: append(lines, page),
          read: read || !full,
          error: null,
        }));
        if (!full) readings -= 1;
        if (readings > 0) timer = setTimeout(() => void readOn(), full ? 0 : LIVE_MS);
      } catch (error) {
        if (abort.signal.aborted) return;
        setLogs((before) => ({ ...before, error }));
        const passes = !(error instanceof Problem) || error.passes;
        if (passes) timer = setTimeout(() => void readOn(), BROKEN_MS);
      }
    }

    void readOn();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [id, finished]);
  return logs;
}

async function readPage(id: string, after: number, signal: AbortSignal): Promise<LogLine[]> {
  const params = { path: { task_id: id }, query: { after, limit: PAGE } };
  return bodyOf(await api.GET("/api/v1/tasks/{task_id}/logs", { params, signal }));
}
