import { Code, List, Stack, Text, Title } from "@mantine/core";
import { useSession, useSignOut } from "../../api/session";
import { ActionButton } from "../../components/ActionButton";
import { Facts } from "../../components/Facts";
import { Section } from "../../components/Section";
import { When } from "../../components/When";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";

/** Who is signed in, what they may do, and until when. */
export function Me() {
  const t = useText(words);
  const c = useText(common);
  const session = useSession();
  const signOut = useSignOut();
  return (
    <Stack gap="lg" align="flex-start">
      <Stack gap="sm" w="100%">
        <Title order={2} size="h5" className="breaks">
          {session.email}
        </Title>
        <Facts
          facts={[
            [t.role, `${c.roles[session.role]}. ${t.sees[session.role]}`],
            [t.signedInBy, t.kinds[session.kind]],
            [t.sessionEnds, <SessionEnd key="end" at={session.expires_at} />],
            [t.id, session.user_id],
          ]}
        />
      </Stack>
      <Section title={t.may}>
        <Scopes scopes={session.scopes} />
      </Section>
      {session.kind === "session" && <ActionButton label={t.signOut} act={signOut} />}
    </Stack>
  );
}

function SessionEnd({ at }: { at: string | null }) {
  const t = useText(words);
  if (at === null) return t.expiries.never;
  return (
    <>
      <When at={at} /> · <When at={at} exact />
    </>
  );
}

function Scopes({ scopes }: { scopes: readonly string[] }) {
  const t = useText(words);
  return (
    <List size="sm" spacing={4}>
      {scopes.map((scope) => (
        <List.Item key={scope}>
          <Text size="sm" component="span" className="breaks">
            {t.scopes[scope] ?? scope} <Code>{scope}</Code>
          </Text>
        </List.Item>
      ))}
    </List>
  );
}
