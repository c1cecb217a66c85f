import { Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface Props {
  /** The heading, and the title of the browser's tab. */
  title: string;
  /** A sentence below it. */
  about?: ReactNode;
  /** Buttons beside it. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A screen: its heading, what can be done, its content. */
export function Page({ title, about, actions, children }: Props) {
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Stack gap={2} className="shrinks">
          <Title order={1} size="h3" className="breaks">
            {title}
          </Title>
          {about && (
            <Text c="dimmed" size="sm" component="div" className="breaks">
              {about}
            </Text>
          )}
        </Stack>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
