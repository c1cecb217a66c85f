import { Code, Group, Stack, Text } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useCan } from "../../api/session";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
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
  const empty = <Empty title={t.noUsers} icon={<IconUsers size={40} aria-hidden />} />;
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="sm">
        <Text size="sm" c="dimmed" className="shrinks breaks" component="div">
          {t.usersAbout} <Code>taskctl user sign-in-link EMAIL</Code>
        </Text>
        {can("users:write") && <MakeUser />}
      </Group>
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => <UserTable users={rows} />}
      </PagedList>
    </Stack>
  );
}
