import { type FormEvent, useEffect, useRef, useState } from "react";
import { Problem } from "../../api/client";
import type { Faults } from "../../lib/json-arguments";
import type { Signature } from "../../lib/json-schema";
import { useText } from "../../text/language";
import { type Placed, placed, type Reading } from "./task-draft";
import { words } from "./text";

export interface Refusal extends Placed {
  /** Null: the form itself found what is wrong. */
  readonly error: unknown;
}

const NOTHING: Refusal = { error: null, fields: {}, parameters: {}, complete: true };

/**
 * Sends a form that is complete. What is wrong with it, or what the API refuses, is told by field.
 *
 * The first field that is wrong gets the keyboard.
 */
export function useSubmit<Body>(
  signature: Signature,
  read: () => Reading<Body>,
  send: (body: Body) => Promise<void>,
) {
  const t = useText(words);
  const form = useRef<HTMLFormElement>(null);
  const running = useRef(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>(NOTHING);
  useEffect(() => {
    if (refusal === NOTHING) return;
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (wrong) wrong.focus();
    else form.current?.querySelector('[role="alert"]')?.scrollIntoView({ block: "center" });
  }, [refusal]);

  async function run() {
    const { body, faults, parameterFaults } = read();
    if (isAny(faults) || isAny(parameterFaults)) {
      const fields = inWords(faults, t.faults);
      setRefusal({ ...NOTHING, fields, parameters: inWords(parameterFaults, t.faults) });
      return;
    }
    try {
      await send(body);
      setRefusal(NOTHING);
    } catch (error) {
      const places = error instanceof Problem ? placed(error, signature) : NOTHING;
      setRefusal({ ...places, complete: error instanceof Problem && places.complete, error });
    }
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    // A second click comes before the button is shown as busy.
    if (running.current) return;
    running.current = true;
    setBusy(true);
    await run();
    running.current = false;
    setBusy(false);
  }

  const isRefused = refusal !== NOTHING;
  return { form, busy, refusal, isRefused, submit: (event: FormEvent) => void submit(event) };
}

function isAny(faults: Faults): boolean {
  return Object.keys(faults).length > 0;
}

function inWords(faults: Faults, say: Readonly<Record<string, string>>): Record<string, string> {
  const told = Object.entries(faults).map(([name, fault]) => [name, say[fault] ?? ""]);
  return Object.fromEntries(told) as Record<string, string>;
}
