import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { common } from "../text/common";
import { useText } from "../text/language";

const SHOWN_MS = 1_500;

interface Props {
  value: string;
  /** Words on the button; without them it is a sign only. */
  children?: ReactNode;
  className?: string;
}

/** Copies text. */
export function CopyButton({ value, children, className }: Props) {
  const t = useText(common);
  const [copied, setCopied] = useState(false);
  async function copy() {
    await write(value);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  }
  const icon = copied ? <IconCheck size={14} /> : <IconCopy size={14} />;
  const label = copied ? t.copied : t.copy;
  if (children) {
    return (
      <Button
        size="xs"
        variant="default"
        leftSection={icon}
        onClick={() => void copy()}
        className={className}
      >
        {copied ? t.copied : children}
      </Button>
    );
  }
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={label}
        onClick={() => void copy()}
        className={className}
      >
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

async function write(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // It is not there, or not allowed.
  }
  // Plain http from another machine: there is no clipboard but by this old way.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
