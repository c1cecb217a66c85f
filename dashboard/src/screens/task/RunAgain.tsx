import { Button, Group, Modal, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Task } from "../../api/types";
import { JsonField } from "../../components/arguments/JsonField";
import { Failed } from "../../components/states";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { parseArgs, parseKwargs } from "./newArguments";
import { words } from "./text";
import { useRunAgain } from "./useRunAgain";

interface Props {
  task: Task;
  opened: boolean;
  onClose: () => void;
}

/** Asks for the arguments with which a finished task is run again. */
export function RunAgain({ task, opened, onClose }: Props) {
  const t = useText(words);
  return (
    <Modal opened={opened} onClose={onClose} title={t.withOtherTitle} size="lg">
      <ArgumentsForm task={task} onClose={onClose} />
    </Modal>
  );
}

function ArgumentsForm({ task, onClose }: { task: Task; onClose: () => void }) {
  const t = useText(words);
  const c = useText(common);
  const runAgain = useRunAgain(task.id);
  const [args, setArgs] = useState(() => JSON.stringify(task.args, null, 2));
  const [kwargs, setKwargs] = useState(() => JSON.stringify(task.kwargs, null, 2));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const positional = parseArgs(args);
  const named = parseKwargs(kwargs);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!positional.ok || !named.ok) return;
    setBusy(true);
    setError(null);
    try {
      await runAgain({ args: positional.value, kwargs: named.value });
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <JsonField
          label={t.positional}
          description={t.aList}
          value={args}
          onChange={setArgs}
          error={positional.ok ? undefined : t.aList}
        />
        <JsonField
          label={t.named}
          description={t.anObject}
          value={kwargs}
          onChange={setKwargs}
          error={named.ok ? undefined : t.anObject}
        />
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button size="xs" variant="default" onClick={onClose}>
            {c.back}
          </Button>
          <Button size="xs" type="submit" loading={busy} disabled={!positional.ok || !named.ok}>
            {c.retry}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
