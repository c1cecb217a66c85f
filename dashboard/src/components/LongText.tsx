import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { bytes } from "../lib/format";
import { common } from "../text/common";
import { useLanguage, useText } from "../text/language";
import { CopyButton } from "./CopyButton";

/** Characters that are drawn at first, and that each click adds. */
const FIRST = 4_000;
const STEP = 100_000;

interface Props {
  text: string;
  /** What it is, for those who hear the page. */
  label: string;
}

/** Text of any length, as it is: a part of it is drawn, all of it can be copied. */
export function LongText({ text, label }: Props) {
  const t = useText(common);
  const { language } = useLanguage();
  const [shown, setShown] = useState(FIRST);
  const rest = text.length - shown;
  return (
    <div className="long-text">
      <CopyButton value={text} className="long-text-copy" />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <section tabIndex={0} aria-label={label}>
        <pre>{rest > 0 ? text.slice(0, shown) : text}</pre>
      </section>
      {rest > 0 && (
        <Group gap="xs" mt={4}>
          <Button size="compact-xs" variant="default" onClick={() => setShown(shown + STEP)}>
            {t.more}
          </Button>
          <Text size="xs" c="dimmed">
            {bytes(shown, language)} / {bytes(text.length, language)}
          </Text>
        </Group>
      )}
    </div>
  );
}

/** A value as JSON, indented. */
export function Json({ value, label }: { value: unknown; label: string }) {
  return <LongText text={JSON.stringify(value, null, 2) ?? "null"} label={label} />;
}
