import { Code, Group } from "@mantine/core";
import { CopyButton } from "../../components/CopyButton";

/** A command for a terminal, to be copied. */
export function Command({ text }: { text: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Code className="breaks">{text}</Code>
      <CopyButton value={text} />
    </Group>
  );
}
