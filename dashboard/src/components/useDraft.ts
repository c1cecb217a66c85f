import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

/** What is being typed, beginning with `value`; another `value`, set elsewhere, takes its place. */
export function useDraft(value: string): [string, (draft: string) => void] {
  const [draft, setDraft] = useState(value);
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    // What has come of the draft itself is no other value: a space at its end is still wanted.
    if (draft.trim() !== value) setDraft(value);
  }
  return [draft, setDraft];
}

/** How long after the last key it is told on. */
const TYPING_MS = 400;

/** The same, told on a moment after the last key: a key is no request. */
export function useTyped(
  value: string,
  tell: (typed: string) => void,
): [string, (typed: string) => void] {
  const [typed, setTyped] = useDraft(value);
  const later = useDebouncedCallback(tell, TYPING_MS);
  function type(next: string) {
    setTyped(next);
    later(next);
  }
  return [typed, type];
}
