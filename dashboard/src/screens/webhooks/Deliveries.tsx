import { Group, SegmentedControl, Stack, Title } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useState } from "react";
import type { Webhook } from "../../api/types";
import { NoMatch } from "../../components/NoMatch";
import { PagedList, usePages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { useChoice } from "../../components/useAddress";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { DeliveryDialog } from "./DeliveryDialog";
import { DeliveryTable } from "./DeliveryTable";
import { useDeliveries } from "./queries";
import { DELIVERY_STATUSES } from "./state";
import { words } from "./text";

/** What a webhook was told, newest first, and what came of it. */
export function Deliveries({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const c = useText(common);
  const [status, choose] = useChoice("status", DELIVERY_STATUSES);
  const pages = usePages(`${webhook.id} ${status}`);
  const query = useDeliveries(webhook.id, status, pages.cursor);
  const [open, setOpen] = useState<string | null>(null);
  const empty =
    status === null ? (
      <Empty title={t.noDeliveries} icon={<IconSend size={40} aria-hidden />}>
        {t.noDeliveriesAbout}
      </Empty>
    ) : (
      <NoMatch title={t.noneSuch} clear={() => choose("")} />
    );
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h5">
          {t.deliveries}
        </Title>
        <SegmentedControl<string>
          size="xs"
          aria-label={c.status}
          value={status ?? ""}
          onChange={choose}
          data={[
            { value: "", label: c.all },
            ...DELIVERY_STATUSES.map((value) => ({ value, label: c.statuses[value] })),
          ]}
        />
      </Group>
      <PagedList query={query} pages={pages} empty={empty}>
        {(rows) => <DeliveryTable webhook={webhook} rows={rows} open={setOpen} />}
      </PagedList>
      <DeliveryDialog webhook={webhook} id={open} onClose={() => setOpen(null)} />
    </Stack>
  );
}
