import { SimpleGrid, Stack, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Statistics } from "../api/types";
import type { Filters } from "../lib/address";
import {
  type Bucket,
  COUNTED,
  countColumns,
  PERCENTILES,
  type Span,
  spreadColumns,
} from "../lib/series";
import { common } from "../text/common";
import { useText } from "../text/language";
import { ChartPanel } from "./ChartPanel";
import { type ChartSeries, DASHES } from "./chartSeries";
import { words } from "./chartText";
import { SelectedSpan } from "./SelectedSpan";
import { COLORS } from "./StatusBadge";

interface Props {
  statistics: Statistics;
  /** What the statistics are restricted to, for the way from them to the list of tasks. */
  filters?: Partial<Filters>;
}

/** A span that is chosen on charts of one time: the line about it, and what each chart is given. */
export function useSpan(bucket: Bucket, filters?: Partial<Filters>) {
  const [selected, onSelect] = useState<Span | null>(null);
  const clear = () => onSelect(null);
  return {
    line: <SelectedSpan span={selected} bucket={bucket} filters={filters} clear={clear} />,
    shared: { bucket, selected, onSelect, filters },
  };
}

/** How many tasks there were over time, how long they waited, how long they ran. */
export function StatisticsCharts({ statistics, filters }: Props) {
  const t = useText(words);
  const series = useSeries();
  const { bucket } = statistics;
  const { line, shared } = useSpan(bucket, filters);
  const columns = useMemo(
    () => ({
      counts: countColumns(statistics),
      wait: spreadColumns(statistics, "wait"),
      run: spreadColumns(statistics, "run"),
    }),
    [statistics],
  );
  if (columns.counts[0].length === 0) return <Text c="dimmed">{t.nothing}</Text>;
  const durations = { ...shared, series: series.percentiles, unit: "duration" } as const;
  return (
    <Stack gap="xs">
      {line}
      <ChartPanel
        {...shared}
        title={t.throughput[bucket]}
        columns={columns.counts}
        series={series.counts}
        unit="count"
      />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="xs">
        <ChartPanel {...durations} title={t.wait} columns={columns.wait} />
        <ChartPanel {...durations} title={t.run} columns={columns.run} />
      </SimpleGrid>
    </Stack>
  );
}

function useSeries(): Record<"counts" | "percentiles", readonly ChartSeries[]> {
  const t = useText(words);
  const c = useText(common);
  return useMemo(() => {
    const looks = {
      created: { label: t.created, color: "blue", dash: [7, 4] },
      succeeded: { label: c.statuses.succeeded, color: COLORS.succeeded },
      failed: { label: c.statuses.failed, color: COLORS.failed },
      revoked: { label: c.statuses.revoked, color: COLORS.revoked, dash: [2, 3] },
    };
    const colors = ["teal", "blue", "grape"];
    return {
      counts: COUNTED.map((name) => looks[name]),
      percentiles: PERCENTILES.map((label, at) => ({
        label,
        color: colors[at] ?? "gray",
        dash: DASHES[at],
      })),
    };
  }, [t, c]);
}
