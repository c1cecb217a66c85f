import { Anchor, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { BulkAction, BulkOperation, BulkPreview } from "../../api/types";
import { Answer, Failed, Loading } from "../../components/states";
import { type TaskColumn, TaskTable } from "../../components/TaskTable";
import { count } from "../../lib/format";
import { newKey } from "../../lib/request-key";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { OperationProgress } from "../bulk/OperationProgress";
import { type Chosen, giveOrder, previewOrder, useOperation } from "../bulk/operations";
import { words } from "./text";

const SAMPLE_COLUMNS: readonly TaskColumn[] = ["status", "name"];

interface Props {
  action: BulkAction;
  chosen: Chosen;
  /** `given`: the order was given. */
  close: (given: boolean) => void;
}

/** Shows what an order would be about, asks, gives it, and follows it. */
export function OrderModal({ action, chosen, close }: Props) {
  const t = useText(words);
  // One key for one question: asked again after an error, it is still the same order.
  const [key] = useState(newKey);
  const client = useQueryClient();
  const preview = useQuery({
    queryKey: ["bulk", "preview", key],
    queryFn: ({ signal }) => previewOrder(action, chosen, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const order = useMutation({
    mutationFn: () => giveOrder(action, chosen, key),
    onSuccess: () => client.invalidateQueries({ queryKey: ["bulk", "list"] }),
  });
  return (
    <Modal
      opened
      onClose={() => close(order.isSuccess)}
      title={t.orders[action]}
      size="lg"
      centered
    >
      {order.data ? (
        <Given operation={order.data} close={() => close(true)} />
      ) : (
        <Answer query={preview}>
          {(about) => (
            <Question
              action={action}
              about={about}
              busy={order.isPending}
              error={order.error}
              give={() => order.mutate()}
              close={() => close(false)}
            />
          )}
        </Answer>
      )}
    </Modal>
  );
}

interface QuestionProps {
  action: BulkAction;
  about: BulkPreview;
  busy: boolean;
  error: unknown;
  give: () => void;
  close: () => void;
}

function Question({ action, about, busy, error, give, close }: QuestionProps) {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const tasks = t.total(about.total, count(about.total, language));
  return (
    <Stack gap="md">
      <Text size="sm">{about.total === 0 ? t.nobody : t.questions[action](tasks)}</Text>
      {about.total > 0 && <Sample about={about} />}
      {error !== null && <Failed error={error} />}
      <Group justify="flex-end" gap="xs">
        <Button size="xs" variant="default" onClick={close}>
          {c.back}
        </Button>
        <Button
          size="xs"
          color={action === "retry" ? undefined : "red"}
          disabled={about.total === 0}
          loading={busy}
          onClick={give}
        >
          {t.goAhead[action]}
        </Button>
      </Group>
    </Stack>
  );
}

function Sample({ about }: { about: BulkPreview }) {
  const t = useText(words);
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed">
        {t.sample}
      </Text>
      <TaskTable label={t.sample} tasks={about.sample} columns={SAMPLE_COLUMNS} />
    </Stack>
  );
}

/** The order as it goes on: to close this ends only the looking. */
function Given({ operation: first, close }: { operation: BulkOperation; close: () => void }) {
  const t = useText(words);
  const c = useText(common);
  const client = useQueryClient();
  const query = useOperation(first.id, first);
  const status = query.data?.status;
  // biome-ignore lint/correctness/useExhaustiveDependencies: again when it has ended
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ["tasks"] });
  }, [client, status]);
  if (query.data === undefined) return <Loading />;
  return (
    <Stack gap="md">
      <OperationProgress operation={query.data} />
      {status === "running" && (
        <Text size="sm" c="dimmed">
          {t.goesOn}
        </Text>
      )}
      <Group justify="space-between" gap="xs">
        <Anchor size="sm" component={Link} href={`/bulk/${first.id}`}>
          {t.details}
        </Anchor>
        <Button size="xs" variant="default" onClick={close}>
          {c.close}
        </Button>
      </Group>
    </Stack>
  );
}
