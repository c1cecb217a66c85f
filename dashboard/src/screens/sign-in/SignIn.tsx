import {
  Button,
  Center,
  Code,
  Divider,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api } from "../../api/client";
import { SESSION } from "../../api/session";
import { Failed } from "../../components/states";
import { useSending } from "../../components/useSending";
import { Choices } from "../../layout/Choices";
import { useText } from "../../text/language";
import { words } from "./text";

/** By password, or by a link that a terminal prints. */
export default function SignIn() {
  const t = useText(words);
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { form, busy, error, submit } = useSending(true, async () => {
    await api.POST("/api/v1/auth/session", { body: { email, password } });
    await client.invalidateQueries({ queryKey: SESSION });
  });
  useEffect(() => {
    document.title = t.title;
  }, [t]);

  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w="100%" maw={420}>
        <Stack gap="md">
          <Group justify="space-between">
            <Title order={1} size="h3">
              {t.title}
            </Title>
            <Choices />
          </Group>
          <form ref={form} onSubmit={submit}>
            <Stack gap="sm">
              <TextInput
                label={t.email}
                type="email"
                autoComplete="username"
                required
                value={email}
                onChange={(event) => setEmail(event.currentTarget.value)}
              />
              <PasswordInput
                label={t.password}
                autoComplete="current-password"
                required
                value={password}
                onChange={(event) => setPassword(event.currentTarget.value)}
              />
              {error !== null && <Failed error={error} />}
              <Button type="submit" loading={busy}>
                {t.signIn}
              </Button>
            </Stack>
          </form>
          <Divider label={t.or} />
          <Text size="sm" className="breaks">
            {t.link} <Code>taskctl user sign-in-link EMAIL</Code>
          </Text>
        </Stack>
      </Paper>
    </Center>
  );
}
