import { Anchor, Box, Text } from "@mantine/core";
import { memo, useState } from "react";
import { Link } from "wouter";
import { type Filters, tasksAddress } from "../lib/address";
import {
  type Bucket,
  bucketLabel,
  type Columns,
  iso,
  SECONDS,
  type Unit,
  valueText,
} from "../lib/series";
import { useLanguage, useText } from "../text/language";
import type { ChartSeries } from "./chartSeries";
import { words } from "./chartText";

interface Props {
  label: string;
  columns: Columns;
  bucket: Bucket;
  series: readonly ChartSeries[];
  unit: Unit;
  filters?: Partial<Filters>;
}

/** What a chart shows, for those who cannot see or point at it. Times lead to their tasks. */
export const ChartTable = memo(function ChartTable(props: Props) {
  const t = useText(words);
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <Text component="summary" size="xs" c="dimmed" style={{ cursor: "pointer" }}>
        {t.asTable}
      </Text>
      {open && <Rows {...props} />}
    </details>
  );
});

function Rows({ label, columns, bucket, series, unit, filters }: Props) {
  const t = useText(words);
  const { language } = useLanguage();
  const [times, ...values] = columns;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <section tabIndex={0} aria-label={label} style={{ maxHeight: 300, overflow: "auto" }}>
      <table aria-label={label} className="table chart-table">
        <thead>
          <tr>
            <th scope="col">{bucket === "day" ? `${t.time} (UTC)` : t.time}</th>
            {series.map((each) => (
              <Box
                component="th"
                key={each.label}
                scope="col"
                ta="right"
                miw={64}
                className="breaks"
              >
                {each.label}
              </Box>
            ))}
          </tr>
        </thead>
        <tbody>
          {times
            .map((time, at) => (
              <tr key={time}>
                <td style={{ whiteSpace: "nowrap" }}>
                  <Anchor
                    component={Link}
                    size="xs"
                    href={tasksAddress({ ...filters, ...createdIn(time, bucket) })}
                  >
                    {bucketLabel(time, bucket, language)}
                  </Anchor>
                </td>
                {series.map((each, place) => (
                  <Box component="td" key={each.label} ta="right">
                    {valueText(values[place]?.[at], unit, language)}
                  </Box>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </section>
  );
}

function createdIn(time: number, bucket: Bucket): Partial<Filters> {
  return { created_after: iso(time), created_before: iso(time + SECONDS[bucket]) };
}
