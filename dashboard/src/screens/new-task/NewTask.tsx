import { Alert } from "@mantine/core";
import { useCan } from "../../api/session";
import { NoFunctions } from "../../components/arguments/NoFunctions";
import { useTaskTypes } from "../../components/arguments/task-types";
import { Page } from "../../components/Page";
import { Answer } from "../../components/states";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { NewTaskForm } from "./NewTaskForm";
import { words } from "./text";

/** Runs a function: which one, with what, when. `?function=` in the address chooses one. */
export default function NewTask() {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const types = useTaskTypes();
  if (!can("tasks:write")) {
    return (
      <Page title={t.title}>
        <Alert color="gray">{c.noAccess}</Alert>
      </Page>
    );
  }
  return (
    <Page title={t.title} about={t.about}>
      <Answer query={types}>
        {(found) => (found.length > 0 ? <NewTaskForm types={found} /> : <NoFunctions />)}
      </Answer>
    </Page>
  );
}
