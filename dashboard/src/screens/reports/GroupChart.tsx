import { Stack, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Statistics } from "../../api/types";
import { ChartPanel } from "../../components/ChartPanel";
import { DASHES } from "../../components/chartSeries";
import { words as chartWords } from "../../components/chartText";
import { SelectedSpan } from "../../components/SelectedSpan";
import type { Filters } from "../../lib/address";
import { groupColumns, type Span } from "../../lib/series";
import { common } from "../../text/common";
import { useText } from "../../text/language";

/** So many groups can be told apart; the others are in the table. */
const LARGEST = 6;
const COLORS = ["teal", "blue", "orange", "grape", "red", "lime"];

interface Props {
  statistics: Statistics;
  filters: Partial<Filters>;
}

/** How many tasks finished over time, a line for each of the largest groups. */
export function GroupChart({ statistics, filters }: Props) {
  const t = useText(chartWords);
  const c = useText(common);
  const [selected, setSelected] = useState<Span | null>(null);
  const { bucket } = statistics;
  const { columns, series } = useMemo(() => {
    const groups = statistics.groups.slice(0, LARGEST).map((line) => line.group);
    const statuses: Record<string, string | undefined> = c.statuses;
    const isStatus = statistics.group_by === "status";
    const nameOf = (group: string | null) => (isStatus && statuses[group ?? ""]) || (group ?? "");
    return {
      columns: groupColumns(statistics, groups),
      series: groups.map((group, at) => ({
        label: nameOf(group),
        color: COLORS[at] ?? "gray",
        dash: DASHES[at % DASHES.length],
      })),
    };
  }, [statistics, c]);
  if (series.length === 0) return <Text c="dimmed">{t.nothing}</Text>;
  return (
    <Stack gap="xs">
      <SelectedSpan
        span={selected}
        bucket={bucket}
        filters={filters}
        clear={() => setSelected(null)}
      />
      <ChartPanel
        title={t.finished[bucket]}
        columns={columns}
        bucket={bucket}
        series={series}
        unit="count"
        selected={selected}
        onSelect={setSelected}
        filters={filters}
      />
    </Stack>
  );
}
