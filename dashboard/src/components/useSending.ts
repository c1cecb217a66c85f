import { type FormEvent, useEffect, useRef, useState } from "react";

/**
 * Sends a form when it is complete, and keeps why it was refused.
 *
 * `tried`: somebody wanted to send it, so what is missing may be said. The first field that is wrong
 * gets the keyboard.
 */
export function useSending(isComplete: boolean, send: () => Promise<unknown>) {
  const form = useRef<HTMLFormElement>(null);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [refusals, setRefusals] = useState(0);
  useEffect(() => {
    if (refusals === 0) return;
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refusals]);

  async function run() {
    // A second click may come before the button is shown as busy.
    if (busy) return;
    setTried(true);
    if (!isComplete) {
      setRefusals((before) => before + 1);
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await send();
    } catch (caught) {
      setError(caught);
      setRefusals((before) => before + 1);
    } finally {
      setBusy(false);
    }
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void run();
  }

  return { form, tried, busy, error, submit };
}
