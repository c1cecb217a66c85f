import { Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import type { Statistics } from "../../api/types";
import { ChartPanel } from "../../components/ChartPanel";
import { DASHES } from "../../components/chartSeries";
import { words as chartWords } from "../../components/chartText";
import { useSpan } from "../../components/StatisticsCharts";
import type { Filters } from "../../lib/address";
import { groupColumns } from "../../lib/series";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { groupName } from "./wanted";

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
  const { bucket } = statistics;
  const { line, shared } = useSpan(bucket, filters);
  const { columns, series } = useMemo(() => {
    const groups = statistics.groups.slice(0, LARGEST).map((each) => each.group);
    return {
      columns: groupColumns(statistics, groups),
      series: groups.map((group, at) => ({
        label: groupName(statistics, group, c.statuses),
        color: COLORS[at] ?? "gray",
        dash: DASHES[at % DASHES.length],
      })),
    };
  }, [statistics, c]);
  if (series.length === 0) return <Text c="dimmed">{t.nothing}</Text>;
  return (
    <Stack gap="xs">
      {line}
      <ChartPanel
        {...shared}
        title={t.finished[bucket]}
        columns={columns}
        series={series}
        unit="count"
      />
    </Stack>
  );
}
