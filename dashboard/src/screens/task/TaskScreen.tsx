import { Button } from "@mantine/core";
import { IconSearchOff, IconTrash } from "@tabler/icons-react";
import { Link } from "wouter";
import type { Task } from "../../api/types";
import { Page } from "../../components/Page";
import { Answer, Empty } from "../../components/states";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { TaskView } from "./TaskView";
import { words } from "./text";
import { isNotFound, useNewestTask, useTaskQuery } from "./useTask";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** One task, as it is now. */
export default function TaskScreen({ id }: ScreenProps) {
  return ID.test(id) ? <KnownTask id={id} /> : <NoTask />;
}

function KnownTask({ id }: { id: string }) {
  const c = useText(common);
  const query = useTaskQuery(id);
  if (isNotFound(query.error)) return query.data ? <NoTask gone /> : <NoTask />;
  if (query.data) return <LiveTask answered={query.data} />;
  return (
    <Page title={c.task}>
      <Answer query={query}>{() => null}</Answer>
    </Page>
  );
}

function LiveTask({ answered }: { answered: Task }) {
  const task = useNewestTask(answered);
  return task === null ? <NoTask gone /> : <TaskView task={task} />;
}

/** `gone`: it has been here. */
function NoTask({ gone = false }: { gone?: boolean }) {
  const t = useText(words);
  const c = useText(common);
  return (
    <Page title={c.task}>
      <Empty
        title={gone ? t.gone : t.notFound}
        icon={gone ? <IconTrash size={40} aria-hidden /> : <IconSearchOff size={40} aria-hidden />}
        action={
          <Button component={Link} href="/tasks" size="xs" variant="default">
            {t.allTasks}
          </Button>
        }
      >
        {gone ? t.goneWhy : t.notFoundWhy}
      </Empty>
    </Page>
  );
}
