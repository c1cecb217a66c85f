import { Anchor, Group, Modal, Stack, Text } from "@mantine/core";
import { Link } from "wouter";
import type { AuditEntry } from "../../api/types";
import { type Fact, Facts } from "../../components/Facts";
import { Json } from "../../components/LongText";
import { Section } from "../../components/Section";
import { When } from "../../components/When";
import { clip } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { EndBadge } from "./EndBadge";
import { endingOf, screenOf, targetOf, whoOf } from "./entry";
import { words } from "./text";

/** Characters of a text that somebody else has written. */
const SHOWN = 500;

interface Props {
  /** Nothing is shown while it is null. */
  entry: AuditEntry | null;
  onClose: () => void;
}

/** One entry with everything that it has. */
export function EntryDialog({ entry, onClose }: Props) {
  const t = useText(words);
  return (
    <Modal opened={entry !== null} onClose={onClose} title={t.entry} size="xl">
      {entry !== null && <Content entry={entry} />}
    </Modal>
  );
}

function Content({ entry }: { entry: AuditEntry }) {
  const t = useText(words);
  return (
    <Stack gap="md">
      <EntryFacts entry={entry} />
      {Object.keys(entry.detail).length > 0 && (
        <Section title={t.detail} order={3}>
          <Json value={entry.detail} label={t.detail} />
        </Section>
      )}
    </Stack>
  );
}

function EntryFacts({ entry }: { entry: AuditEntry }) {
  const t = useText(words);
  const c = useText(common);
  const facts: readonly Fact[] = [
    [t.action, clip(entry.action, SHOWN)],
    [t.at, <When key="at" at={entry.at} exact />],
    [t.who, clip(whoOf(entry) || t.stranger, SHOWN)],
    [t.role, entry.role === null ? "–" : roleIn(c.roles, entry.role)],
    [t.via, t.vias[entry.via]],
    [t.token, entry.token_prefix ? `${entry.token_prefix}…` : "–"],
    [t.end, <End key="end" entry={entry} />],
    [t.target, <Target key="target" target={entry.target} />],
    [t.request, entry.path ? clip(`${entry.method} ${entry.path}`, SHOWN) : "–"],
    [t.address, entry.address || "–"],
    [t.requestId, entry.request_id || "–"],
  ];
  return <Facts facts={facts} />;
}

/** The role as it was then; one that is none any more as it is written. */
function roleIn(roles: Readonly<Record<string, string>>, role: string): string {
  return roles[role] ?? role;
}

function End({ entry }: { entry: AuditEntry }) {
  const t = useText(words);
  return (
    <Group gap={6}>
      <EndBadge entry={entry} />
      <Text component="span" size="sm" className="breaks">
        {entry.code ?? t.endings[endingOf(entry)]}
      </Text>
    </Group>
  );
}

function Target({ target }: { target: AuditEntry["target"] }) {
  const text = clip(targetOf(target), SHOWN) || "–";
  const screen = screenOf(target);
  if (screen === null) return text;
  return (
    <Anchor component={Link} href={screen} size="sm" className="breaks">
      {text}
    </Anchor>
  );
}
