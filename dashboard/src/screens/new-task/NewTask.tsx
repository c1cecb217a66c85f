import { WithFunctions } from "../../components/arguments/WithFunctions";
import { Page } from "../../components/Page";
import { useText } from "../../text/language";
import { NewTaskForm } from "./NewTaskForm";
import { words } from "./text";

/** Runs a function: which one, with what, when. `?function=` in the address chooses one. */
export default function NewTask() {
  const t = useText(words);
  return (
    <Page title={t.title} about={t.about}>
      <WithFunctions>{(types) => <NewTaskForm types={types} />}</WithFunctions>
    </Page>
  );
}
