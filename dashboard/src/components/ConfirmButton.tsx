import { Button, type ButtonProps, Group, Modal, Stack, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { common } from "../text/common";
import { useText } from "../text/language";
import { Failed } from "./states";

interface Props extends ButtonProps {
  /** What the button says, and what the question's own button says. */
  label: string;
  title: string;
  question: ReactNode;
  /** Does it; an error is shown in the question, which stays open. */
  act: () => Promise<unknown>;
}

/** A button that asks before it does something that cannot be taken back. */
export function ConfirmButton({ label, title, question, act, ...button }: Props) {
  const t = useText(common);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  function ask() {
    setError(null);
    setOpen(true);
  }
  async function confirm() {
    setBusy(true);
    setError(null);
    try {
      await act();
      setOpen(false);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <Button size="xs" variant="default" {...button} onClick={ask}>
        {label}
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={title} centered>
        <Stack gap="md">
          <Text size="sm" component="div" className="breaks">
            {question}
          </Text>
          {error !== null && <Failed error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={() => setOpen(false)} data-autofocus>
              {t.back}
            </Button>
            <Button
              size="xs"
              color={button.color ?? "red"}
              loading={busy}
              onClick={() => void confirm()}
            >
              {label}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
