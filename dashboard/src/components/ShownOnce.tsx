import { Alert, Button, Group, Modal, Paper, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton";

interface Props {
  title: string;
  /** What is shown; nothing is while it is null. */
  value: string | null;
  warning: string;
  copy: string;
  /** What the button that closes it says. */
  kept: string;
  onClose: () => void;
  children?: ReactNode;
}

/** A secret that is shown once. */
export function ShownOnce({ title, value, warning, copy, kept, onClose, children }: Props) {
  return (
    // Neither a click beside it nor the Escape key closes it: the secret would be lost by accident.
    <Modal
      opened={value !== null}
      onClose={onClose}
      title={title}
      size="lg"
      centered
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <Stack gap="md">
        <Alert color="orange" variant="light" icon={<IconAlertTriangle />}>
          {warning}
        </Alert>
        <Paper withBorder p="xs">
          <Text ff="monospace" size="sm" className="breaks" data-secret>
            {value}
          </Text>
        </Paper>
        {children}
        <Group justify="space-between" gap="xs">
          <CopyButton value={value ?? ""}>{copy}</CopyButton>
          <Button size="xs" onClick={onClose}>
            {kept}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
