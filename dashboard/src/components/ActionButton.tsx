import { Button, type ButtonProps } from "@mantine/core";
import { useState } from "react";
import { say, sayError } from "./say";

interface Props extends ButtonProps {
  label: string;
  /** Said when it is done; nothing if empty. */
  done?: string;
  act: () => Promise<unknown>;
}

/** A button that does something at once, says that it is done, or why not. */
export function ActionButton({ label, done, act, ...button }: Props) {
  const [busy, setBusy] = useState(false);
  async function run() {
    setBusy(true);
    try {
      await act();
      if (done) say(done);
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Button size="xs" variant="default" {...button} loading={busy} onClick={() => void run()}>
      {label}
    </Button>
  );
}
