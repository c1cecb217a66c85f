import { Textarea } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../../text/language";
import { words } from "./text";

interface Props {
  label: string;
  description?: ReactNode;
  error?: ReactNode;
  required?: boolean;
  disabled?: boolean;
  /** What it may look like. */
  example?: string;
  value: string;
  onChange: (text: string) => void;
}

const MONOSPACE = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

/** JSON as text, and that it is none as long as it is none. */
export function JsonField({ value, onChange, error, example, ...field }: Props) {
  const t = useText(words);
  return (
    <Textarea
      {...field}
      autosize
      minRows={2}
      maxRows={16}
      spellCheck={false}
      placeholder={example || t.json}
      styles={MONOSPACE}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={isJsonText(value) ? error : t.faults.json}
    />
  );
}

function isJsonText(text: string): boolean {
  if (text.trim() === "") return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
