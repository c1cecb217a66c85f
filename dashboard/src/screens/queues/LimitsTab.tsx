import { Button, Group, Stack, Text } from "@mantine/core";
import { IconGauge, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useCan } from "../../api/session";
import type { Limit } from "../../api/types";
import { ConfirmButton } from "../../components/ConfirmButton";
import { type Column, DataTable } from "../../components/DataTable";
import { Answer, Empty } from "../../components/states";
import { clip } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { Changed, HandedOut, Name, Used } from "./LimitCells";
import { LimitForm } from "./LimitForm";
import { LIMITS, useLimits } from "./queries";
import { words } from "./text";

/** How many tasks run at a time and how often they start, by queue, function or key. */
export function LimitsTab() {
  const t = useText(words);
  const can = useCan();
  const limits = useLimits();
  const [form, setForm] = useState<{ limit?: Limit } | null>(null);
  const add = can("queues:write") && (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconPlus size={14} aria-hidden />}
      onClick={() => setForm({})}
    >
      {t.setLimit}
    </Button>
  );
  return (
    <Stack gap="md">
      <Answer query={limits}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty
              title={t.noLimits}
              icon={<IconGauge size={40} aria-hidden />}
              action={add || undefined}
            >
              {t.limitsHelp}
            </Empty>
          ) : (
            <>
              <Group justify="space-between" gap="sm">
                <Text size="sm" c="dimmed" className="shrinks">
                  {t.limitsHelp}
                </Text>
                {add}
              </Group>
              <Rows limits={rows} change={(limit) => setForm({ limit })} />
            </>
          )
        }
      </Answer>
      {form && (
        <LimitForm limit={form.limit} limits={limits.data ?? []} onClose={() => setForm(null)} />
      )}
    </Stack>
  );
}

interface RowsProps {
  limits: readonly Limit[];
  change: (limit: Limit) => void;
}

function Rows({ limits, change }: RowsProps) {
  const t = useText(words);
  const can = useCan();
  const columns: Column<Limit>[] = [
    { key: "name", header: t.limit, cell: (limit) => <Name limit={limit} /> },
    {
      key: "concurrency",
      header: t.concurrency,
      width: 96,
      cell: (limit) => <Used limit={limit} />,
    },
    {
      key: "rate",
      header: t.rate,
      width: 120,
      from: "sm",
      cell: (limit) => <HandedOut limit={limit} />,
    },
    {
      key: "changed",
      header: t.changed,
      width: 220,
      from: "md",
      cell: (limit) => <Changed limit={limit} />,
    },
  ];
  if (can("queues:write")) {
    columns.push({
      key: "actions",
      header: t.actions,
      width: "clamp(92px, 12vw, 150px)",
      cell: (limit) => <Actions limit={limit} change={change} />,
    });
  }
  return (
    <DataTable
      label={t.limits}
      columns={columns}
      rows={limits}
      keyOf={({ kind, name }) => `${kind}:${name}`}
    />
  );
}

function Actions({ limit, change }: { limit: Limit; change: (limit: Limit) => void }) {
  const t = useText(words);
  const c = useText(common);
  const client = useQueryClient();
  const { kind, name } = limit;

  async function lift() {
    await api.DELETE("/api/v1/limits/{kind}/{name}", { params: { path: { kind, name } } });
    await client.invalidateQueries({ queryKey: LIMITS });
  }

  return (
    <Group gap={4}>
      <Button size="compact-xs" variant="default" onClick={() => change(limit)}>
        {c.edit}
      </Button>
      {/* One that the code says would only come back. */}
      {limit.updated_by !== null && (
        <ConfirmButton
          size="compact-xs"
          label={t.lift}
          title={t.liftTitle(clip(name, 100))}
          question={kind === "task" ? t.liftQuestionOfTask : t.liftQuestion}
          act={lift}
        />
      )}
    </Group>
  );
}
