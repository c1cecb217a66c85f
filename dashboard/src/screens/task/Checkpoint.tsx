import { Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf, Problem } from "../../api/client";
import type { Task, Checkpoint as Written } from "../../api/types";
import { Json } from "../../components/LongText";
import { Answer } from "../../components/states";
import { When } from "../../components/When";
import { useText } from "../../text/language";
import { Fold } from "./Fold";
import { type Kept, keptBy } from "./keptCheckpoint";
import { words } from "./text";
import { useAttempts } from "./useDetails";
import { taskKey } from "./useTask";

/** What a task keeps for its next attempt. */
export function Checkpoint({ task }: { task: Task }) {
  // Before its first start and after its success there is none, whatever its attempts say.
  if (task.attempt === 0 || task.status === "succeeded") return <NoCheckpoint />;
  return <OfAttempts task={task} />;
}

function NoCheckpoint() {
  const t = useText(words);
  return (
    <Text size="sm" c="dimmed">
      {t.noCheckpoint}
    </Text>
  );
}

/** The attempts tell that there is one: to ask for one that is not there would be an error. */
function OfAttempts({ task }: { task: Task }) {
  return (
    <Answer query={useAttempts(task)} lines={1}>
      {(starts) => {
        const kept = keptBy(starts);
        return kept === null ? <NoCheckpoint /> : <OfTask id={task.id} kept={kept} />;
      }}
    </Answer>
  );
}

function OfTask({ id, kept }: { id: string; kept: Kept }) {
  const t = useText(words);
  const query = useQuery({
    queryKey: taskKey(id, "checkpoint", kept.attempt, kept.at),
    queryFn: ({ signal }) => readCheckpoint(id, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <Answer query={query} lines={1}>
      {(written) =>
        written === null ? (
          <NoCheckpoint />
        ) : (
          <>
            <Text size="sm" c="dimmed">
              {t.checkpointAbout(written.attempt)} <When at={written.written_at} />
            </Text>
            <Fold summary={t.show}>
              <Json value={written.state} label={t.checkpoint} />
            </Fold>
          </>
        )
      }
    </Answer>
  );
}

/** Null where it has gone meanwhile, as with a success. */
async function readCheckpoint(id: string, signal: AbortSignal): Promise<Written | null> {
  try {
    const params = { path: { task_id: id } };
    return bodyOf(await api.GET("/api/v1/tasks/{task_id}/checkpoint", { params, signal }));
  } catch (error) {
    if (error instanceof Problem && error.code === "no_checkpoint") return null;
    throw error;
  }
}
