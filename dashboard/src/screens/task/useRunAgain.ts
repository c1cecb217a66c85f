import { useLocation } from "wouter";
import { api, bodyOf } from "../../api/client";
import { say } from "../../components/say";
import { useText } from "../../text/language";
import { words } from "./text";

interface Arguments {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
}

/** Runs a finished task again, with its own arguments or others, and goes to the new task. */
export function useRunAgain(id: string): (other?: Arguments) => Promise<void> {
  const t = useText(words);
  const [, go] = useLocation();
  return async (other) => {
    const made = bodyOf(
      await api.POST("/api/v1/tasks/{task_id}/retry", {
        params: { path: { task_id: id } },
        ...(other ? { body: other } : {}),
      }),
    );
    say(t.newTask);
    go(`/tasks/${made.id}`);
  };
}
