import { Badge } from "@mantine/core";
import type { Token } from "../../api/types";
import { useNow } from "../../components/When";
import { useText } from "../../text/language";
import { words } from "./text";
import { type TokenState, tokenState } from "./tokens";

const COLORS: Record<TokenState, string> = { active: "teal", expired: "gray", revoked: "orange" };

/** Whether a token still counts, this second. */
export function TokenBadge({ token }: { token: Token }) {
  const t = useText(words);
  const state = tokenState(token, useNow());
  return (
    <Badge color={COLORS[state]} variant="light" data-state={state}>
      {t.tokenStates[state]}
    </Badge>
  );
}
