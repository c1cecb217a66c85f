import { Badge, Text } from "@mantine/core";
import type { User } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { When } from "../../components/When";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import { signInCommand } from "./users";

/** One page of users. */
export function UserTable({ users }: { users: readonly User[] }) {
  const t = useText(words);
  const c = useText(common);
  const columns: readonly Column<User>[] = [
    {
      key: "email",
      header: t.email,
      cell: (user) => (
        <>
          <OneLine text={user.email} />
          <Text size="xs" c="dimmed" hiddenFrom="sm">
            {c.roles[user.role]}
          </Text>
        </>
      ),
    },
    {
      key: "role",
      header: t.role,
      from: "sm",
      width: 116,
      cell: (user) => c.roles[user.role],
    },
    {
      key: "state",
      header: c.status,
      width: 110,
      cell: (user) => <State user={user} />,
    },
    {
      key: "created",
      header: c.created,
      from: "sm",
      width: 120,
      cell: (user) => <When at={user.created_at} />,
    },
    {
      key: "link",
      header: t.link,
      from: "md",
      width: 200,
      cell: (user) => <CopyButton value={signInCommand(user.email)}>{t.copyCommand}</CopyButton>,
    },
  ];
  return (
    <DataTable label={t.tabs.users} columns={columns} rows={users} keyOf={(user) => user.id} />
  );
}

function State({ user }: { user: User }) {
  const t = useText(words);
  if (user.disabled_at === null) {
    return (
      <Badge color="teal" variant="light">
        {t.userStates.active}
      </Badge>
    );
  }
  return (
    <>
      <Badge color="gray" variant="light">
        {t.userStates.disabled}
      </Badge>
      <Text size="xs" c="dimmed" className="one-line" component="div">
        <When at={user.disabled_at} />
      </Text>
    </>
  );
}
