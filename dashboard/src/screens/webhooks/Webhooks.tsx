import { IconWebhook } from "@tabler/icons-react";
import { useCan, useSession } from "../../api/session";
import type { Webhook } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { Page } from "../../components/Page";
import { PagedList, usePages } from "../../components/Pages";
import { RowLink } from "../../components/RowLink";
import { Empty } from "../../components/states";
import { UserName } from "../../components/UserName";
import { When } from "../../components/When";
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
  const empty = (
    <Empty title={t.nothing} icon={<IconWebhook size={40} aria-hidden />}>
      {t.nothingAbout}
    </Empty>
  );
  return (
    <Page title={t.title} about={t.about} actions={button}>
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => (
          <DataTable label={t.title} columns={columns} rows={rows} keyOf={(row) => row.id} />
        )}
      </PagedList>
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
    {
      key: "url",
      header: t.url,
      cell: ({ id, url }) => <RowLink text={url} href={`/webhooks/${id}`} />,
    },
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
