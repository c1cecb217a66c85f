import { Stack } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  summary: ReactNode;
  /** Shown at first. */
  open?: boolean;
  children: ReactNode;
}

/** Something long that is shown when it is asked for. */
export function Fold({ summary, open = false, children }: Props) {
  return (
    <details open={open}>
      <summary className="breaks">{summary}</summary>
      <Stack gap="xs" mt="xs">
        {children}
      </Stack>
    </details>
  );
}
