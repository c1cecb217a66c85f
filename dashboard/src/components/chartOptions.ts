/** How a chart looks and what it tells: the settings of uPlot, loaded together with it. */
import type { MantineTheme } from "@mantine/core";
import uPlot from "uplot";
import {
  type Bucket,
  type Columns,
  isolated,
  SECONDS,
  type Span,
  tickLabels,
  type Unit,
  valueText,
} from "../lib/series";
import { CHART_HEIGHT, type ChartSeries, shadeOf } from "./chartSeries";

const FONT = "11px system-ui, sans-serif";
/** Room for the longest value, so that charts stand in line and do not move when values grow. */
const VALUES_WIDTH = 72;
/** Steps that read well. uPlot knows the decimals of these alone, so none between 2 and 5. */
const STEPS: Readonly<Record<Unit, number[]>> = {
  count: decades(0, 12),
  duration: [
    ...decades(-3, 0).filter((step) => step < 10),
    ...[10, 15, 30, 60, 120, 300, 600, 900, 1_800],
    ...[3_600, 7_200, 14_400, 21_600, 43_200, 86_400],
    ...decades(0, 5).map((days) => days * 86_400),
  ],
};

function decades(from: number, to: number): number[] {
  const powers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  return powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
}

export interface Look {
  readonly width: number;
  readonly bucket: Bucket;
  readonly series: readonly ChartSeries[];
  readonly unit: Unit;
  readonly language: string;
  readonly theme: MantineTheme;
  readonly dark: boolean;
}

export interface Told {
  /** A stretch of time was dragged over, in seconds. */
  readonly brushed: (from: number, to: number) => void;
  /** The mouse is at this bucket, or at none. */
  readonly pointed: (at: number | null) => void;
  readonly drawn: (plot: uPlot) => void;
}

/** The settings. What they contain is fixed: another look is another chart. */
export function chartOptions(look: Look, told: Told): uPlot.Options {
  const { bucket, unit, language, theme, dark } = look;
  const lines = { stroke: dark ? theme.colors.dark[5] : theme.colors.gray[2], width: 1 };
  const axis: uPlot.Axis = {
    stroke: dark ? theme.colors.dark[1] : theme.colors.gray[7],
    font: FONT,
    grid: lines,
    ticks: { ...lines, size: 4 },
  };
  return {
    width: look.width,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 5 },
      bind: { dblclick: () => null },
    },
    scales: {
      x: { range: (plot) => ends(plot, bucket) },
      y: { range: (_plot, _least, most) => [0, most > 0 ? 1.08 * most : 1] },
    },
    tzDate: (time) =>
      bucket === "day" ? uPlot.tzDate(new Date(1000 * time), "UTC") : new Date(1000 * time),
    axes: [
      {
        ...axis,
        space: 64,
        size: 28,
        values: (_plot, times, _axis, _space, step) => tickLabels(times, step, bucket, language),
      },
      {
        ...axis,
        space: 32,
        size: VALUES_WIDTH,
        incrs: STEPS[unit],
        values: (_plot, values) =>
          values.map((value) => (value === 0 ? "0" : valueText(value, unit, language))),
      },
    ],
    series: [{}, ...look.series.map((each) => line(each, shadeOf(each.color, theme, dark)))],
    hooks: {
      draw: [told.drawn],
      setCursor: [(plot) => told.pointed(plot.cursor.idx ?? null)],
      setSelect: [
        ({ select, posToVal }) =>
          told.brushed(posToVal(select.left, "x"), posToVal(select.left + select.width, "x")),
      ],
    },
  };
}

function line(series: ChartSeries, stroke: string): uPlot.Series {
  return {
    label: series.label,
    stroke,
    width: 2,
    dash: series.dash ? [...series.dash] : undefined,
    points: {
      size: 5,
      fill: stroke,
      // Where points are too dense to be drawn, those are still that no line leads to.
      filter: (plot, at, shown) => (shown ? null : isolated(plot.data[at] ?? [])),
    },
  };
}

/** From where the first bucket begins to where the last one ends. */
function ends(plot: uPlot, bucket: Bucket): uPlot.Range.MinMax {
  const times = plot.data[0] ?? [];
  const half = SECONDS[bucket] / 2;
  const [first, last] = [times[0], times[times.length - 1]];
  return first === undefined || last === undefined ? [null, null] : [first - half, last + half];
}

/** Values stand in the middle of their bucket, since they are of all of it. */
export function centred([times, ...values]: Columns, bucket: Bucket): uPlot.AlignedData {
  return [times.map((time) => time + SECONDS[bucket] / 2), ...values];
}

/** Mark a span of time, or none. */
export function mark(plot: uPlot, span: Span | null): void {
  const end = plot.bbox.width / uPlot.pxRatio;
  const place = (time: number) => Math.min(end, Math.max(0, plot.valToPos(time, "x")));
  const left = span ? place(span.from) : 0;
  const width = span ? place(span.to) - left : 0;
  plot.setSelect({ left, top: 0, width, height: plot.bbox.height / uPlot.pxRatio }, false);
}
