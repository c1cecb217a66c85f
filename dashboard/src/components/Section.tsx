import { Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** Of the heading: 3 in a dialog, which has the 2 itself. */
  order?: 2 | 3;
  children: ReactNode;
}

/** A part of a screen or of a dialog under its own heading. */
export function Section({ title, order = 2, children }: Props) {
  return (
    <Stack gap="xs">
      <Title order={order} size={order === 2 ? "h5" : "h6"}>
        {title}
      </Title>
      {children}
    </Stack>
  );
}
