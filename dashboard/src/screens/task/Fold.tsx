import { Stack, Text } from "@mantine/core";
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
      <Text component="summary" size="sm" className="breaks">
        {summary}
      </Text>
      <Stack gap="xs" mt="xs">
        {children}
      </Stack>
    </details>
  );
}
