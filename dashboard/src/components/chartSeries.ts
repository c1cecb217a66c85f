/** What a chart and its key share, without the library that draws, which is loaded later. */
import type { MantineTheme } from "@mantine/core";

export const CHART_HEIGHT = 200;

/** A line of a chart: told apart by colour, and by dashes for those who see no colours. */
export interface ChartSeries {
  readonly label: string;
  /** A colour of the theme. */
  readonly color: string;
  /** Lengths of dashes and gaps; none is a whole line. */
  readonly dash?: readonly number[];
}

export const DASHES: readonly (readonly number[] | undefined)[] = [undefined, [7, 4], [2, 3]];

/** The colour itself, light enough or dark enough for what is behind it. */
export function shadeOf(color: string, theme: MantineTheme, dark: boolean): string {
  const shades = theme.colors[color];
  return shades ? shades[dark ? 4 : 7] : theme.black;
}
