import { Button, Group, NativeSelect, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Role } from "../../api/types";
import { saidAt } from "../../components/places";
import { Failed } from "../../components/states";
import { useSending } from "../../components/useSending";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import { MIN_PASSWORD, NOBODY, ROLES, type UserDraft, userFaults } from "./users";

/** Fields of which the API may say what is wrong. */
const FIELDS = ["email", "role", "password"];
/** Refusals that name no field, and mean one. */
const MEANT = { user_exists: "email" };

/** Who a new user is. `send` fails into the form. */
export function UserForm({ send }: { send: (draft: UserDraft) => Promise<unknown> }) {
  const t = useText(words);
  const c = useText(common);
  const [draft, setDraft] = useState(NOBODY);
  const faults = userFaults(draft);
  const isComplete = !faults.email && !faults.password;
  const { form, tried, busy, error, submit } = useSending(isComplete, () => send(draft));
  const said = saidAt(error, FIELDS, MEANT);

  return (
    <form ref={form} onSubmit={submit} noValidate autoComplete="off">
      <Stack gap="md">
        <TextInput
          label={t.email}
          type="email"
          required
          data-autofocus
          autoComplete="off"
          value={draft.email}
          error={tried && faults.email ? t.emailWrong : said?.email}
          onChange={(event) => setDraft({ ...draft, email: event.currentTarget.value })}
        />
        <NativeSelect
          label={t.role}
          description={t.sees[draft.role]}
          error={said?.role}
          value={draft.role}
          onChange={(event) => setDraft({ ...draft, role: event.currentTarget.value as Role })}
          data={ROLES.map((value) => ({ value, label: c.roles[value] }))}
        />
        <PasswordInput
          label={t.password}
          description={t.passwordAbout}
          autoComplete="new-password"
          value={draft.password}
          error={tried && faults.password ? t.passwordWrong(MIN_PASSWORD) : said?.password}
          onChange={(event) => setDraft({ ...draft, password: event.currentTarget.value })}
        />
        {error !== null && said === null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button type="submit" size="xs" loading={busy}>
            {t.makeUser}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
