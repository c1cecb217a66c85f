import { Text } from "@mantine/core";
import { useSomeUsers } from "../api/queries";
import { useSession } from "../api/session";
import { clip } from "../lib/format";

const LONGEST = 300;

/** A user by email, where it may be known, or by the end of the id. */
export function UserName({ id, more }: { id: string | null; more?: string | null }) {
  const session = useSession();
  const users = useSomeUsers();
  const known = id === session.user_id ? session : users.find((user) => user.id === id);
  const name = known?.email ?? (id === null ? "–" : `…${id.slice(-12)}`);
  const said = clip(more ? `${name} · ${more}` : name, LONGEST);
  return (
    <Text component="span" size="sm" className="one-line" title={said}>
      {said}
    </Text>
  );
}
