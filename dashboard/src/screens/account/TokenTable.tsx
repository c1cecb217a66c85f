import { Stack, Text, VisuallyHidden } from "@mantine/core";
import { api, bodyOf } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { Token } from "../../api/types";
import { ConfirmButton } from "../../components/ConfirmButton";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { useNow, When } from "../../components/When";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { TOKENS } from "./queries";
import { TokenBadge } from "./TokenBadge";
import { words } from "./text";
import { isReplaceable } from "./tokens";

interface Props {
  tokens: readonly Token[];
  /** Whether it is said whose they are. */
  owners: boolean;
  /** Shows the token that takes the place of another, once. */
  show: (token: string) => void;
}

/** One page of tokens. */
export function TokenTable({ tokens, owners, show }: Props) {
  const t = useText(words);
  const c = useText(common);
  const columns: readonly Column<Token>[] = [
    {
      key: "name",
      header: c.name,
      cell: (token) => <Name token={token} owner={owners} />,
    },
    {
      key: "scopes",
      header: t.scopesTitle,
      from: "md",
      width: 180,
      cell: (token) => <ScopeList scopes={token.scopes} />,
    },
    {
      key: "created",
      header: c.created,
      from: "lg",
      width: 110,
      cell: (token) => <When at={token.created_at} />,
    },
    {
      key: "used",
      header: t.lastUsed,
      from: "sm",
      width: 110,
      cell: (token) => (token.last_used_at ? <When at={token.last_used_at} /> : c.never),
    },
    {
      key: "expires",
      header: t.expires,
      from: "sm",
      width: 110,
      cell: (token) => (token.expires_at ? <When at={token.expires_at} /> : t.expiries.never),
    },
    {
      key: "state",
      header: c.status,
      width: 106,
      cell: (token) => <TokenBadge token={token} />,
    },
    {
      key: "actions",
      header: <VisuallyHidden>{t.actions}</VisuallyHidden>,
      width: 92,
      align: "right",
      cell: (token) => (token.revoked_at === null ? <Actions token={token} show={show} /> : null),
    },
  ];
  return (
    <DataTable label={t.tabs.tokens} columns={columns} rows={tokens} keyOf={(token) => token.id} />
  );
}

function Name({ token, owner }: { token: Token; owner: boolean }) {
  const t = useText(words);
  return (
    <>
      <OneLine text={token.name || t.unnamed} c={token.name ? undefined : "dimmed"} />
      <OneLine text={`${token.prefix}…`} size="xs" c="dimmed" ff="monospace" />
      {owner && token.user && <OneLine text={token.user} size="xs" c="dimmed" />}
    </>
  );
}

function ScopeList({ scopes }: { scopes: readonly string[] }) {
  const t = useText(words);
  const inWords = scopes.map((scope) => `${scope}: ${t.scopes[scope] ?? scope}`).join("\n");
  return (
    <Text size="xs" lineClamp={2} className="breaks" title={inWords}>
      {scopes.join(", ") || "–"}
    </Text>
  );
}

function Actions({ token, show }: { token: Token; show: Props["show"] }) {
  const t = useText(words);
  const now = useNow();
  const refresh = useRefresh(TOKENS);
  const name = token.name || `${token.prefix}…`;
  const path = { token_id: token.id };
  async function rotate() {
    const url = "/api/v1/tokens/{token_id}/rotate";
    show(bodyOf(await api.POST(url, { params: { path } })).token);
    void refresh();
  }
  async function revoke() {
    await api.DELETE("/api/v1/tokens/{token_id}", { params: { path } });
    await refresh();
  }
  return (
    <Stack gap={4} align="flex-end">
      {isReplaceable(token, now) && (
        <ConfirmButton
          label={t.rotate}
          title={t.rotateTitle}
          question={t.rotateQuestion(name)}
          act={rotate}
          size="compact-xs"
        />
      )}
      <ConfirmButton
        label={t.revoke}
        title={t.revokeTitle}
        question={t.revokeQuestion(name)}
        act={revoke}
        size="compact-xs"
        color="red"
        variant="light"
      />
    </Stack>
  );
}
