import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { useCan, useSession } from "../api/session";

const MOST = 500;

/** Emails by user id, for those who may read them; nobody's else. */
function useEmails(): ReadonlyMap<string, string> | undefined {
  const can = useCan();
  return useQuery({
    queryKey: ["users", "emails"],
    enabled: can("users:read"),
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const query = { limit: MOST };
      const users = bodyOf(await api.GET("/api/v1/users", { signal, params: { query } }));
      return new Map(users.map((user) => [user.id, user.email]));
    },
  }).data;
}

/** A user by email, where it may be known, or by the end of the id. */
export function UserName({ id, more }: { id: string | null; more?: string | null }) {
  const session = useSession();
  const emails = useEmails();
  const email = id === session.user_id ? session.email : emails?.get(id ?? "");
  const name = email ?? (id === null ? "–" : `…${id.slice(-12)}`);
  const said = more ? `${name} · ${more}` : name;
  return (
    <Text component="span" size="sm" className="one-line" title={said.slice(0, 300)}>
      {said.slice(0, 300)}
    </Text>
  );
}
