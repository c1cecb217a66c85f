import {
  Box,
  Group,
  Paper,
  Skeleton,
  Stack,
  Text,
  Title,
  useComputedColorScheme,
  useMantineTheme,
} from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import type { Filters } from "../lib/address";
import { clip } from "../lib/format";
import {
  type Bucket,
  bucketLabel,
  type Columns,
  type Span,
  type Unit,
  valueText,
} from "../lib/series";
import { useLanguage, useText } from "../text/language";
import { ChartTable } from "./ChartTable";
import { CHART_HEIGHT, type ChartSeries, shadeOf } from "./chartSeries";
import { words } from "./chartText";

const Chart = lazy(() => import("./Chart"));

/** Characters of a name that are drawn: a queue may be called anything. */
const LONGEST = 300;

interface Props {
  title: string;
  columns: Columns;
  bucket: Bucket;
  /** The same array as long as nothing in it changes. */
  series: readonly ChartSeries[];
  unit: Unit;
  selected: Span | null;
  onSelect: (span: Span) => void;
  /** What the tasks of a bucket have in common, for the way to their list. */
  filters?: Partial<Filters>;
}

/** A chart with its heading and its key, and the same as a table. */
export function ChartPanel({ title, filters, ...chart }: Props) {
  const [at, setAt] = useState<number | null>(null);
  return (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        <Group justify="space-between" gap="xs" wrap="nowrap">
          <Title order={3} size="h6" className="breaks">
            {title}
          </Title>
          <BucketAt {...chart} at={at} />
        </Group>
        <Suspense fallback={<Skeleton height={CHART_HEIGHT} />}>
          <Chart {...chart} label={title} onPoint={setAt} />
        </Suspense>
        <ChartKey {...chart} at={at} />
        <ChartTable {...chart} label={title} filters={filters} />
      </Stack>
    </Paper>
  );
}

interface AtProps extends Pick<Props, "columns" | "bucket"> {
  at: number | null;
}

/** Which time the mouse is at; its room is kept. */
function BucketAt({ columns: [times], bucket, at }: AtProps) {
  const { language } = useLanguage();
  const time = at === null ? undefined : times[at];
  return (
    <Text size="xs" c="dimmed" h={18} flex="none" aria-hidden>
      {time === undefined ? "" : bucketLabel(time, bucket, language)}
    </Text>
  );
}

interface KeyProps extends Pick<Props, "columns" | "series" | "unit"> {
  at: number | null;
}

/** Which line is which, and the values where the mouse is, for which there is always room. */
function ChartKey({ columns, series, unit, at }: KeyProps) {
  const { language } = useLanguage();
  const t = useText(words);
  const [times, ...values] = columns;
  const time = at === null ? undefined : times[at];
  return (
    <Group component="ul" gap="xs" m={0} p={0} aria-label={t.key} style={{ listStyle: "none" }}>
      {series.map((each, place) => (
        <Group component="li" key={each.label} gap={4} wrap="nowrap" maw="100%">
          <Swatch series={each} />
          {/* Whole, on more lines where it has to be: nobody can point at it on a telephone. */}
          <Text size="xs" className="breaks" title={each.label}>
            {clip(each.label, LONGEST)}
          </Text>
          <Text size="xs" ff="monospace" miw={72} flex="none" aria-hidden>
            {time === undefined || at === null
              ? ""
              : valueText(values[place]?.[at], unit, language)}
          </Text>
        </Group>
      ))}
    </Group>
  );
}

function Swatch({ series }: { series: ChartSeries }) {
  const theme = useMantineTheme();
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  return (
    <Box component="svg" w={24} h={8} flex="none" aria-hidden>
      <line
        x1={0}
        x2={24}
        y1={4}
        y2={4}
        strokeWidth={2}
        strokeDasharray={series.dash?.join(" ")}
        stroke={shadeOf(series.color, theme, scheme === "dark")}
      />
    </Box>
  );
}
