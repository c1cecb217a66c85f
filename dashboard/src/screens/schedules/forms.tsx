/** The form of a schedule, to make one and to change one. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { api, bodyOf, Problem } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { Schedule, TaskType } from "../../api/types";
import { firstFunction, schemaOf } from "../../components/arguments/task-types";
import { ownZone } from "../../components/ownZone";
import { signatureOf } from "../../lib/json-schema";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import {
  draftOf,
  emptyDraft,
  patchOf,
  readDraft,
  type ScheduleBody,
  type ScheduleDraft,
} from "./draft";
import { SCHEDULES } from "./queries";
import { ScheduleForm } from "./ScheduleForm";
import { words } from "./text";

/** Makes a schedule, and goes to it. `?function=` in the address chooses a function. */
export function CreateForm({ types }: { types: readonly TaskType[] }) {
  const t = useText(words);
  const [, go] = useLocation();
  const [address] = useSearchParams();
  const refresh = useRefresh(SCHEDULES);
  const first = emptyDraft(firstFunction(types, address.get("function")), ownZone());

  async function create(body: ScheduleBody, { paused }: ScheduleDraft) {
    const made = bodyOf(await api.POST("/api/v1/schedules/", { body: { ...body, paused } }));
    void refresh();
    go(`/schedules/${made.id}`);
  }

  return <ScheduleForm types={types} first={first} submit={t.create} send={create} isNew />;
}

interface UpdateProps {
  types: readonly TaskType[];
  schedule: Schedule;
  /** Reads the schedule again, when somebody else has changed it. */
  reload: () => void;
}

/** Changes a schedule, if it still is what was read, and goes to it. */
export function UpdateForm({ types, schedule, reload }: UpdateProps) {
  const t = useText(words);
  const c = useText(common);
  const [, go] = useLocation();
  const refresh = useRefresh(SCHEDULES);
  const [before] = useState(() => {
    const signature = signatureOf(schemaOf(types, schedule.celery_task_name));
    const draft = draftOf(schedule, signature);
    return { draft, body: readDraft(draft, signature).body, version: schedule.version };
  });
  const [isOther, setIsOther] = useState(false);

  async function update(body: ScheduleBody) {
    const patch = patchOf(before.body, body);
    if (Object.keys(patch).length > 0) {
      const params = {
        path: { schedule_id: schedule.id },
        header: { "if-match": String(before.version) },
      };
      try {
        await api.PATCH("/api/v1/schedules/{schedule_id}", { params, body: patch });
      } catch (error) {
        setIsOther(error instanceof Problem && error.status === 412);
        throw error;
      }
      void refresh();
    }
    go(`/schedules/${schedule.id}`);
  }

  const notice = isOther && (
    <Button size="xs" variant="default" onClick={reload}>
      {t.reload}
    </Button>
  );
  return (
    <ScheduleForm
      types={types}
      first={before.draft}
      submit={c.save}
      send={update}
      notice={notice}
    />
  );
}
