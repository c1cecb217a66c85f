import { Box, useComputedColorScheme, useMantineTheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./chart.css";
import { type Bucket, type Columns, type Span, type Unit, wholeBuckets } from "../lib/series";
import { useLanguage } from "../text/language";
import { centred, chartOptions, mark } from "./chartOptions";
import { CHART_HEIGHT, type ChartSeries } from "./chartSeries";

export interface ChartProps {
  label: string;
  columns: Columns;
  bucket: Bucket;
  /** The same array as long as nothing in it changes: another one draws the chart anew. */
  series: readonly ChartSeries[];
  unit: Unit;
  /** A span that is marked. */
  selected: Span | null;
  /** Whole buckets were dragged over. */
  onSelect: (span: Span) => void;
  /** The mouse is at this bucket, or at none. */
  onPoint: (at: number | null) => void;
}

/** Lines over time. The library that draws them comes with it: load it when it is needed. */
export default function Chart(props: ChartProps) {
  const { label, columns, bucket, series, unit, selected } = props;
  const { language } = useLanguage();
  const theme = useMantineTheme();
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  const dark = scheme === "dark";
  const size = useElementSize<HTMLDivElement>();
  const width = Math.floor(size.width);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef({ ...props, width });
  latest.current = { ...props, width };
  const hasRoom = width > 0;

  useEffect(() => {
    if (host.current === null || !hasRoom) return;
    const look = { width: latest.current.width, bucket, series, unit, language, theme, dark };
    const options = chartOptions(look, {
      brushed: (from, to) => {
        const now = latest.current;
        const span = wholeBuckets(now.columns[0], now.bucket, from, to);
        if (span) now.onSelect(span);
      },
      pointed: (at) => latest.current.onPoint(at),
      drawn: (drawn) => mark(drawn, latest.current.selected),
    });
    const made = new uPlot(options, centred(latest.current.columns, bucket), host.current);
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [hasRoom, bucket, series, unit, language, theme, dark]);

  useEffect(() => {
    plot.current?.setData(centred(columns, bucket));
  }, [columns, bucket]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: CHART_HEIGHT });
  }, [width]);

  // Marked again after every drawing, too: it stays where its time is.
  useEffect(() => {
    if (plot.current?.status === 1) mark(plot.current, selected);
  }, [selected]);

  return (
    <Box ref={size.ref} h={CHART_HEIGHT} className="chart" style={{ overflow: "hidden" }}>
      <div ref={host} role="img" aria-label={label} />
    </Box>
  );
}
