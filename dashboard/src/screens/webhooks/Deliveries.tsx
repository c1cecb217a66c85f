import { Group, SegmentedControl, Stack, Title } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useState } from "react";
import { useSearchParams } from "wouter";
import type { Webhook } from "../../api/types";
import { PageButtons, usePages } from "../../components/Pages";
import { Answer, Empty } from "../../components/states";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { DeliveryDialog } from "./DeliveryDialog";
import { DeliveryTable } from "./DeliveryTable";
import { useDeliveries } from "./queries";
import { DELIVERY_STATUSES, readStatus } from "./state";
import { words } from "./text";

const ALL = "all";

/** What a webhook was told, newest first, and what came of it. */
export function Deliveries({ webhook }: { webhook: Webhook }) {
  const t = useText(words);
  const c = useText(common);
  const [address, setAddress] = useSearchParams();
  const status = readStatus(address.get("status"));
  const pages = usePages(`${webhook.id} ${status ?? ALL}`);
  const query = useDeliveries(webhook.id, status, pages.cursor);
  const [open, setOpen] = useState<string | null>(null);

  function choose(chosen: string) {
    setAddress(chosen === ALL ? "" : { status: chosen }, { replace: true });
  }

  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h5">
          {t.deliveries}
        </Title>
        <SegmentedControl
          size="xs"
          aria-label={c.status}
          value={status ?? ALL}
          onChange={choose}
          data={[
            { value: ALL, label: c.all },
            ...DELIVERY_STATUSES.map((value) => ({ value, label: c.statuses[value] })),
          ]}
        />
      </Group>
      <Answer query={query}>
        {({ rows, next }) => (
          <>
            {rows.length === 0 ? (
              <Empty
                title={status ? t.noneSuch : t.noDeliveries}
                icon={<IconSend size={40} aria-hidden />}
              >
                {status ? null : t.noDeliveriesAbout}
              </Empty>
            ) : (
              <DeliveryTable webhook={webhook} rows={rows} open={setOpen} />
            )}
            <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
          </>
        )}
      </Answer>
      <DeliveryDialog webhook={webhook} id={open} onClose={() => setOpen(null)} />
    </Stack>
  );
}
