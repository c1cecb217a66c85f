import { Anchor } from "@mantine/core";
import { IconWebhook } from "@tabler/icons-react";
import { Link } from "wouter";
import { useCan, useSession } from "../../api/session";
import type { Webhook } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { Page } from "../../components/Page";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty } from "../../components/states";
import { UserName } from "../../components/UserName";
import { When } from "../../components/When";
import { clip } from "../../lib/format";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { NewWebhook } from "./NewWebhook";
import { useWebhooks } from "./queries";
import { words } from "./text";
import { useWhat } from "./useWhat";
import { WebhookBadge } from "./WebhookBadge";

/** All webhooks that one may see. */
export default function Webhooks(_: ScreenProps) {
  const t = useText(words);
  const can = useCan();
  const pages = usePages("webhooks");
  const query = useWebhooks(pages.cursor);
  const columns = useColumns();
  const button = can("tasks:write") && can("tasks:read") ? <NewWebhook /> : null;
  return (
    <Page title={t.title} about={t.about} actions={button}>
      <Answer query={query}>
        {({ rows, next }) => (
          <>
            {rows.length === 0 ? (
              <Empty title={t.nothing} icon={<IconWebhook size={40} aria-hidden />}>
                {t.nothingAbout}
              </Empty>
            ) : (
              <DataTable
                label={t.title}
                columns={columns}
                rows={rows}
                keyOf={(webhook) => webhook.id}
              />
            )}
            <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
          </>
        )}
      </Answer>
    </Page>
  );
}

function useColumns(): readonly Column<Webhook>[] {
  const t = useText(words);
  const c = useText(common);
  const { role } = useSession();
  const what = useWhat();
  const owner: Column<Webhook> = {
    key: "owner",
    header: c.owner,
    from: "lg",
    width: 160,
    cell: (webhook) => <UserName id={webhook.user_id} />,
  };
  return [
    { key: "url", header: t.url, cell: (webhook) => <WebhookLink webhook={webhook} /> },
    {
      key: "events",
      header: t.events,
      from: "md",
      width: 210,
      cell: (webhook) => <OneLine text={what.events(webhook)} />,
    },
    {
      key: "filter",
      header: t.filter,
      from: "lg",
      width: 130,
      cell: (webhook) => <OneLine text={what.filter(webhook)} />,
    },
    ...(role === "user" ? [] : [owner]),
    {
      key: "state",
      header: c.status,
      width: 130,
      cell: (webhook) => <WebhookBadge webhook={webhook} />,
    },
    {
      key: "created",
      header: c.created,
      from: "sm",
      width: 112,
      cell: (webhook) => <When at={webhook.created_at} />,
    },
  ];
}

function WebhookLink({ webhook }: { webhook: Webhook }) {
  const url = clip(webhook.url, 300);
  return (
    <Anchor component={Link} href={`/webhooks/${webhook.id}`} className="one-line" title={url}>
      {url}
    </Anchor>
  );
}
