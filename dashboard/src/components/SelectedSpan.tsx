import { Button, CloseButton, Group, Text } from "@mantine/core";
import { Link } from "wouter";
import { type Filters, tasksAddress } from "../lib/address";
import { type Bucket, iso, type Span, spanLabel } from "../lib/series";
import { common } from "../text/common";
import { useLanguage, useText } from "../text/language";
import { words } from "./chartText";

interface Props {
  span: Span | null;
  bucket: Bucket;
  filters?: Partial<Filters>;
  clear: () => void;
}

/** The way from a span of time to the tasks that were created in it. Its room is always there. */
export function SelectedSpan({ span, bucket, filters, clear }: Props) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  if (span === null) {
    return (
      <Group mih={30}>
        <Text size="xs" c="dimmed">
          {t.hint}
        </Text>
      </Group>
    );
  }
  const created = { created_after: iso(span.from), created_before: iso(span.to) };
  return (
    <Group mih={30} gap="xs">
      <Text size="sm">{spanLabel(span, bucket, language)}</Text>
      <Button
        component={Link}
        href={tasksAddress({ ...filters, ...created })}
        size="compact-sm"
        variant="light"
      >
        {t.createdIn}
      </Button>
      <CloseButton size="sm" aria-label={c.clear} onClick={clear} />
    </Group>
  );
}
