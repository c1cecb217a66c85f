import { Autocomplete, Button, Checkbox, Group, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useSomeUsers } from "../../api/queries";
import { useCan, useSession } from "../../api/session";
import type { Scope, TokenCreate } from "../../api/types";
import { saidAt } from "../../components/places";
import { Failed } from "../../components/states";
import { useSending } from "../../components/useSending";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { ExpiryFields } from "./ExpiryFields";
import { words } from "./text";
import { type Expiry, expirySeconds, offeredScopes, usualScopes } from "./tokens";

const MAX_NAME = 100;
/** Fields of which the API may say what is wrong. */
const FIELDS = ["name", "user", "scopes"];
/** Refusals that name no field, and mean one: it looks for nothing but the owner. */
const MEANT = { not_found: "user", scope_not_allowed: "scopes" };

/** What a new token is for, what it may do, until when. `send` fails into the form. */
export function TokenForm({ send }: { send: (order: TokenCreate) => Promise<unknown> }) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [chosen, setChosen] = useState<readonly Scope[] | null>(null);
  const [expiry, setExpiry] = useState<Expiry>("30");
  const [days, setDays] = useState<number | string>(7);

  const { users, offered, usual } = useScopesOf(owner);
  const scopes = (chosen ?? usual).filter((scope) => offered.includes(scope));
  const expires_in = expirySeconds(expiry, days);
  const isComplete = scopes.length > 0 && expires_in !== undefined;
  const { form, tried, busy, error, submit } = useSending(isComplete, () =>
    send({ name: name.trim(), scopes: [...scopes], expires_in, user: owner.trim() || null }),
  );
  const said = saidAt(error, FIELDS, MEANT);

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput
          label={c.name}
          description={t.nameAbout}
          maxLength={MAX_NAME}
          data-autofocus
          error={said?.name}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {can("users:write") && (
          <Autocomplete
            label={t.forWhom}
            description={t.forWhomAbout}
            data={users.map((user) => user.email)}
            limit={20}
            autoComplete="off"
            error={said?.user}
            value={owner}
            onChange={setOwner}
          />
        )}
        <ExpiryFields
          expiry={expiry}
          setExpiry={setExpiry}
          days={days}
          setDays={setDays}
          wrong={expires_in === undefined}
        />
        <Checkbox.Group
          label={t.chooseScopes}
          description={t.chooseScopesAbout}
          value={[...scopes]}
          error={tried && scopes.length === 0 ? t.noScopes : said?.scopes}
          onChange={(picked) => setChosen(picked)}
        >
          <Stack gap="xs" mt="xs">
            {offered.map((scope) => (
              <Checkbox
                key={scope}
                value={scope}
                label={t.scopes[scope] ?? scope}
                description={scope}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        {error !== null && said === null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button type="submit" size="xs" loading={busy}>
            {t.makeToken}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What a token of that owner may be given, as far as it is known here who that is. */
function useScopesOf(owner: string) {
  const session = useSession();
  const users = useSomeUsers();
  const email = owner.trim().toLowerCase() || session.email;
  const known = users.find((user) => user.email === email)?.role ?? null;
  const role = email === session.email ? session.role : known;
  const offered = offeredScopes(session.scopes, role);
  return { users, offered, usual: usualScopes(offered, role) };
}
