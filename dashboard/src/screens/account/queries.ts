/** What the screen of tokens and users asks the API for. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../../api/client";
import { USERS } from "../../api/queries";
import type { Token, User } from "../../api/types";
import type { Sheet } from "../../components/sheet";
import { cut, rangeOf } from "./paging";

/** How the keys of answers about tokens begin. */
export const TOKENS = ["tokens"] as const;
const EVERY_MS = 15_000;

/** A page of the tokens of whoever looks, or of everybody's. */
export function useTokens(everybody: boolean, cursor: string | null) {
  return useQuery({
    queryKey: [...TOKENS, everybody, cursor],
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
    queryKey: [...USERS, "page", cursor],
    queryFn: async ({ signal }): Promise<Sheet<User>> => {
      const query = rangeOf(cursor);
      const answer = await api.GET("/api/v1/users", { params: { query }, signal });
      return cut<User>(bodyOf(answer), query);
    },
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
}
