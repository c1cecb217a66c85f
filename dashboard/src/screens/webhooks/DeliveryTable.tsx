import { Stack, Text, VisuallyHidden } from "@mantine/core";
import type { Delivery, Webhook } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { RowButton } from "../../components/RowLink";
import { StatusBadge } from "../../components/StatusBadge";
import { TaskLink } from "../../components/TaskLink";
import { When } from "../../components/When";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { Replay } from "./Replay";
import { outcomeOf } from "./state";
import { words } from "./text";

interface Props {
  webhook: Webhook;
  rows: readonly Delivery[];
  /** Shows the delivery of that id. */
  open: (id: string) => void;
}

/** One page of deliveries. */
export function DeliveryTable({ webhook, rows, open }: Props) {
  const t = useText(words);
  const c = useText(common);
  const columns: readonly Column<Delivery>[] = [
    {
      key: "event",
      header: t.event,
      cell: (delivery) => <EventCell delivery={delivery} open={open} />,
    },
    {
      key: "status",
      header: c.status,
      width: 150,
      cell: (delivery) => <StatusBadge status={delivery.status} />,
    },
    {
      key: "answer",
      header: t.answer,
      from: "sm",
      cell: (delivery) => <OneLine text={outcomeOf(delivery)} />,
    },
    {
      key: "attempts",
      header: t.attempts,
      from: "lg",
      width: 90,
      align: "right",
      cell: (delivery) => delivery.attempts,
    },
    {
      key: "task",
      header: c.task,
      from: "lg",
      width: 290,
      cell: (delivery) => (delivery.task_id ? <TaskLink id={delivery.task_id} /> : "–"),
    },
    {
      key: "created",
      header: c.created,
      from: "sm",
      width: 110,
      cell: (delivery) => <When at={delivery.created_at} />,
    },
    {
      key: "actions",
      header: <VisuallyHidden>{t.actions}</VisuallyHidden>,
      from: "md",
      width: 116,
      align: "right",
      cell: (delivery) => <Replay webhook={webhook} id={delivery.id} size="compact-xs" />,
    },
  ];
  return (
    <DataTable
      label={t.deliveries}
      columns={columns}
      rows={rows}
      keyOf={(delivery) => delivery.id}
    />
  );
}

function EventCell({ delivery, open }: { delivery: Delivery; open: (id: string) => void }) {
  const t = useText(words);
  const { id, type, created_at } = delivery;
  return (
    <Stack gap={0}>
      <RowButton text={type} title={t.details(type)} open={() => open(id)} />
      <Text size="xs" c="dimmed" hiddenFrom="sm">
        <When at={created_at} />
      </Text>
    </Stack>
  );
}
