import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconEdit, IconPlayerStop, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { api, bodyOf } from "../../api/client";
import { useCan } from "../../api/session";
import type { Task } from "../../api/types";
import { ActionButton } from "../../components/ActionButton";
import { ConfirmButton } from "../../components/ConfirmButton";
import { say } from "../../components/say";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { EditTask } from "./EditTask";
import { RunAgain } from "./RunAgain";
import { words } from "./text";
import { useRunAgain } from "./useRunAgain";
import { isFinished, taskKey } from "./useTask";

/** What may be done with a task in its state, by whoever looks at it. */
export function Actions({ task }: { task: Task }) {
  const can = useCan();
  if (!can("tasks:write")) return null;
  return (
    <>
      {isFinished(task) ? <Again task={task} /> : <Cancel task={task} />}
      <Edit task={task} />
      <Delete task={task} />
    </>
  );
}

function Cancel({ task }: { task: Task }) {
  const t = useText(words);
  const client = useQueryClient();
  async function cancel() {
    const answer = await api.POST("/api/v1/tasks/{task_id}/cancel", {
      params: { path: { task_id: task.id } },
    });
    client.setQueryData(taskKey(task.id), bodyOf(answer).task);
    say(answer.response.status === 202 ? t.told : t.revoked);
  }
  return (
    <ConfirmButton
      label={t.cancelAction}
      title={t.cancelTitle}
      question={task.status === "running" ? t.cancelRunning : t.cancelPending}
      act={cancel}
      disabled={task.cancel_requested_at !== null}
      leftSection={<IconPlayerStop size={14} aria-hidden />}
    />
  );
}

function Again({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  const runAgain = useRunAgain(task.id);
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <ActionButton
        label={c.retry}
        act={() => runAgain()}
        leftSection={<IconRefresh size={14} aria-hidden />}
      />
      <Button size="xs" variant="default" onClick={open}>
        {t.withOther}
      </Button>
      <RunAgain task={task} opened={opened} onClose={close} />
    </>
  );
}

function Edit({ task }: { task: Task }) {
  const c = useText(common);
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconEdit size={14} aria-hidden />}
        onClick={open}
      >
        {c.edit}
      </Button>
      <EditTask task={task} opened={opened} onClose={close} />
    </>
  );
}

function Delete({ task }: { task: Task }) {
  const t = useText(words);
  const c = useText(common);
  const [, go] = useLocation();
  const client = useQueryClient();
  async function remove() {
    const answer = await api.DELETE("/api/v1/tasks/{task_id}", {
      params: { path: { task_id: task.id } },
    });
    if (answer.response.status === 202) {
      say(t.deletedLater);
      return;
    }
    say(t.deleted);
    void client.invalidateQueries({ queryKey: ["tasks"] });
    go("/tasks");
  }
  return (
    <ConfirmButton
      label={c.delete}
      title={t.deleteTitle}
      question={
        task.status === "running" ? `${t.deleteQuestion} ${t.deleteRunning}` : t.deleteQuestion
      }
      act={remove}
      leftSection={<IconTrash size={14} aria-hidden />}
    />
  );
}
