import { Stack, Text } from "@mantine/core";
import type { AuditEntry } from "../../api/types";
import { type Column, DataTable } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { RowButton } from "../../components/RowLink";
import { When } from "../../components/When";
import { clip } from "../../lib/format";
import { useText } from "../../text/language";
import { EndBadge } from "./EndBadge";
import { targetOf, whoOf } from "./entry";
import { words } from "./text";

interface Props {
  rows: readonly AuditEntry[];
  /** Shows all of an entry. */
  open: (entry: AuditEntry) => void;
}

/** One page of entries. */
export function AuditTable({ rows, open }: Props) {
  const t = useText(words);
  const columns: readonly Column<AuditEntry>[] = [
    {
      key: "action",
      header: t.action,
      cell: (entry) => <Action entry={entry} open={open} />,
    },
    {
      key: "who",
      header: t.who,
      from: "sm",
      cell: (entry) => <OneLine text={whoOf(entry) || t.stranger} />,
    },
    { key: "via", header: t.via, width: 100, from: "md", cell: (entry) => t.vias[entry.via] },
    {
      key: "target",
      header: t.target,
      from: "md",
      cell: (entry) => <OneLine text={targetOf(entry.target) || "–"} />,
    },
    { key: "end", header: t.end, width: 110, cell: (entry) => <EndBadge entry={entry} /> },
    {
      key: "address",
      header: t.address,
      width: 140,
      from: "lg",
      cell: (entry) => <OneLine text={entry.address ?? "–"} />,
    },
    {
      key: "at",
      header: t.at,
      width: 120,
      from: "sm",
      cell: (entry) => <When at={entry.at} />,
    },
  ];
  return <DataTable label={t.title} columns={columns} rows={rows} keyOf={(entry) => entry.id} />;
}

function Action({ entry, open }: { entry: AuditEntry; open: (entry: AuditEntry) => void }) {
  const t = useText(words);
  return (
    <Stack gap={0}>
      <RowButton text={entry.action} title={t.details(entry.action)} open={() => open(entry)} />
      <Text size="xs" c="dimmed" hiddenFrom="sm" className="one-line">
        <When at={entry.at} /> · {clip(whoOf(entry) || t.stranger, 100)}
      </Text>
    </Stack>
  );
}
