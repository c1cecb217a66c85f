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
