import { Group, Paper, Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** Beside the heading. */
  actions?: ReactNode;
  /** Height that is kept, so that what is below does not move. */
  height?: number;
  children: ReactNode;
}

/** A part of a screen in a frame, under its own heading. */
export function Panel({ title, actions, height, children }: Props) {
  return (
    <Paper withBorder p="sm" component="section" mih={height} miw={0}>
      <Stack gap="xs">
        <Group justify="space-between" gap="xs">
          <Title order={2} size="h5">
            {title}
          </Title>
          {actions}
        </Group>
        {children}
      </Stack>
    </Paper>
  );
}
