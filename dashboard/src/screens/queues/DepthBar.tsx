import { Progress, Stack, Text } from "@mantine/core";
import type { Depth } from "../../api/types";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { partsOf } from "./depth";

/** What waits, by priority: a bar, and the same in words, for which one line is kept. */
export function DepthBar({ depth }: { depth: Depth }) {
  const c = useText(common);
  const { language } = useLanguage();
  const parts = partsOf(depth);
  return (
    <Stack gap={2}>
      <Progress.Root size={8} aria-hidden>
        {parts.map((part) => (
          <Progress.Section
            key={part.name}
            value={part.share}
            color={part.color}
            withAria={false}
          />
        ))}
      </Progress.Root>
      <Text size="xs" c="dimmed" className="breaks" mih={18}>
        {parts
          .filter((part) => part.count > 0)
          .map((part) => `${c.priorities[part.priority]} ${count(part.count, language)}`)
          .join(" · ")}
      </Text>
    </Stack>
  );
}
