import { Code, Group, Stack, Text } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useCan } from "../../api/session";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty } from "../../components/states";
import { useText } from "../../text/language";
import { MakeUser } from "./MakeUser";
import { useUsers } from "./queries";
import { words } from "./text";
import { UserTable } from "./UserTable";

/** Users by email. */
export function Users() {
  const t = useText(words);
  const can = useCan();
  const pages = usePages("users");
  const query = useUsers(pages.cursor);
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="sm">
        <Text size="sm" c="dimmed" className="shrinks breaks" component="div">
          {t.usersAbout} <Code>taskctl user sign-in-link EMAIL</Code>
        </Text>
        {can("users:write") && <MakeUser />}
      </Group>
      <Answer query={query}>
        {({ rows, next }) => (
          <>
            {rows.length === 0 ? (
              <Empty title={t.noUsers} icon={<IconUsers size={40} aria-hidden />} />
            ) : (
              <UserTable users={rows} />
            )}
            <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
          </>
        )}
      </Answer>
    </Stack>
  );
}
