/** What the screen of tokens and users asks the API for. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import type { Token, User } from "../../api/types";
import type { Sheet } from "../../components/sheet";
import { cut, rangeOf } from "./paging";

const ACCOUNT = "account";
const EVERY_MS = 15_000;
/** As many as one answer may have. */
const MOST = 500;

/** A page of the tokens of whoever looks, or of everybody's. */
export function useTokens(everybody: boolean, cursor: string | null) {
  return useQuery({
    queryKey: [ACCOUNT, "tokens", everybody, cursor],
    queryFn: async ({ signal }): Promise<Sheet<Token>> => {
      const range = rangeOf(cursor);
      const query = { everybody, ...range };
      const answer = await api.GET("/api/v1/tokens", { params: { query }, signal });
      return cut<Token>(bodyOf(answer), range);
    },
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
}

/** A page of the users, by email. */
export function useUsers(cursor: string | null) {
  return useQuery({
    queryKey: [ACCOUNT, "users", cursor],
    queryFn: async ({ signal }): Promise<Sheet<User>> => {
      const query = rangeOf(cursor);
      const answer = await api.GET("/api/v1/users", { params: { query }, signal });
      return cut<User>(bodyOf(answer), query);
    },
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
}

/** The first users by email, to choose one of; none for those who may not see them. */
export function useSomeUsers(enabled: boolean): readonly User[] {
  const query = useQuery({
    queryKey: [ACCOUNT, "some-users"],
    queryFn: async ({ signal }): Promise<User[]> => {
      const range = { skip: 0, limit: MOST };
      return bodyOf(await api.GET("/api/v1/users", { params: { query: range }, signal }));
    },
    staleTime: EVERY_MS,
    enabled,
  });
  return query.data ?? [];
}

/** Ask again for all of it, after a change. */
export function useRefreshAccount(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: [ACCOUNT] });
}
