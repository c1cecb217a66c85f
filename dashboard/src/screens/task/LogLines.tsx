import { Badge, Button, Group, Text } from "@mantine/core";
import { type CSSProperties, useEffect, useRef, useState } from "react";
import type { LogLine } from "../../api/types";
import { clip, count, local } from "../../lib/format";
import { useLanguage, useText } from "../../text/language";
import { type Level, levelOf } from "./logLines";
import { words } from "./text";

/** Lines that are drawn at first, and that each click adds: the latest. */
const STEP = 500;
/** Nearer to the end than this is at the end. */
const NEAR_PX = 40;

const COLORS: Record<Level, string> = {
  debug: "gray",
  info: "blue",
  warning: "orange",
  error: "red",
};

const SCROLLER: CSSProperties = {
  height: "min(60vh, 520px)",
  overflowY: "auto",
  overflowX: "hidden",
  border: "1px solid var(--mantine-color-default-border)",
  borderRadius: "var(--mantine-radius-sm)",
  padding: "var(--mantine-spacing-xs)",
};

const LINE: CSSProperties = { whiteSpace: "pre-wrap", flex: "1 1 240px" };

interface Props {
  lines: readonly LogLine[];
  follow: boolean;
  /** Somebody has scrolled away from the end. */
  leave: () => void;
}

/** Logged lines in a window of fixed height, which stays at the end while it follows. */
export function LogLines({ lines, follow, leave }: Props) {
  const t = useText(words);
  const { language } = useLanguage();
  const [shown, setShown] = useState(STEP);
  const scroller = useRef<HTMLElement>(null);
  const latest = lines.slice(-shown);
  const rest = lines.length - latest.length;

  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines move the end
  useEffect(() => {
    const element = scroller.current;
    if (follow && element) element.scrollTop = element.scrollHeight;
  }, [follow, lines]);

  function onScroll() {
    const element = scroller.current;
    if (!element || !follow) return;
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (below > NEAR_PX) leave();
  }

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <section ref={scroller} tabIndex={0} aria-label={t.lines} style={SCROLLER} onScroll={onScroll}>
      {rest > 0 && (
        <Button size="compact-xs" variant="default" onClick={() => setShown(shown + STEP)}>
          {t.earlier(count(rest, language))}
        </Button>
      )}
      {latest.map((line) => (
        <Line key={line.id} line={line} />
      ))}
    </section>
  );
}

/** What a function may log at a time, and a little more. */
const LONGEST = 9_000;

function Line({ line }: { line: LogLine }) {
  const t = useText(words);
  const { language } = useLanguage();
  const level = levelOf(line);
  return (
    <Group gap="xs" align="flex-start" py={2} data-level={level}>
      <Text size="xs" c="dimmed" component="time" dateTime={line.created_at} w={148}>
        {local(line.created_at, language)}
      </Text>
      <Badge size="xs" variant="light" color={COLORS[level]} w={66}>
        {clip(line.level, 12)}
      </Badge>
      <Text size="xs" c="dimmed" w={64} className="one-line">
        {t.attemptShort(line.attempt)}
      </Text>
      <Text size="xs" ff="monospace" className="breaks" style={LINE}>
        {clip(line.message, LONGEST)}
      </Text>
    </Group>
  );
}
