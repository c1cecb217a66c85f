import { Group, Modal, Stack, Text } from "@mantine/core";
import type { DeliveryDetail, Webhook } from "../../api/types";
import { type Fact, Facts } from "../../components/Facts";
import { Json, LongText } from "../../components/LongText";
import { Section } from "../../components/Section";
import { StatusBadge } from "../../components/StatusBadge";
import { Answer } from "../../components/states";
import { TaskLink } from "../../components/TaskLink";
import { When } from "../../components/When";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { useDelivery } from "./queries";
import { Replay } from "./Replay";
import { words } from "./text";

interface Props {
  webhook: Webhook;
  /** Of the delivery; nothing is shown while it is null. */
  id: string | null;
  onClose: () => void;
}

/** One delivery with everything that was sent and answered. */
export function DeliveryDialog({ webhook, id, onClose }: Props) {
  const t = useText(words);
  return (
    <Modal opened={id !== null} onClose={onClose} title={t.delivery} size="xl">
      {id !== null && <Content webhook={webhook} id={id} />}
    </Modal>
  );
}

function Content({ webhook, id }: { webhook: Webhook; id: string }) {
  const t = useText(words);
  const c = useText(common);
  const query = useDelivery(webhook.id, id);
  return (
    <Answer query={query}>
      {(delivery) => (
        <Stack gap="md">
          <DeliveryFacts delivery={delivery} />
          {delivery.error !== null && <Part title={c.error} text={delivery.error} />}
          {delivery.response_body !== null && (
            <Part title={t.responseBody} text={delivery.response_body} />
          )}
          <Section title={t.payload} order={3}>
            <Json value={delivery.payload} label={t.payload} />
          </Section>
          <Group justify="flex-end" gap="xs">
            {!webhook.active && (
              <Text size="xs" c="dimmed">
                {t.notActive}
              </Text>
            )}
            <Replay webhook={webhook} id={id} size="xs" />
          </Group>
        </Stack>
      )}
    </Answer>
  );
}

function DeliveryFacts({ delivery }: { delivery: DeliveryDetail }) {
  const t = useText(words);
  const c = useText(common);
  const facts: readonly Fact[] = [
    [t.event, delivery.type],
    [c.status, <StatusBadge key="status" status={delivery.status} />],
    [c.task, delivery.task_id ? <TaskLink key="task" id={delivery.task_id} /> : "–"],
    [t.responseStatus, delivery.response_status ?? "–"],
    [t.attempts, delivery.attempts],
    [t.lastAttempt, <When key="last" at={delivery.last_attempt_at} />],
    [
      t.nextAttempt,
      delivery.status === "pending" && <When key="next" at={delivery.next_attempt_at} />,
    ],
    [c.created, <When key="created" at={delivery.created_at} />],
    [t.messageId, delivery.message_id],
  ];
  return <Facts facts={facts} />;
}

function Part({ title, text }: { title: string; text: string }) {
  return (
    <Section title={title} order={3}>
      <LongText text={text} label={title} />
    </Section>
  );
}
