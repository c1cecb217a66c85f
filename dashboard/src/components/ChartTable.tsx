import { Anchor, Table, Text } from "@mantine/core";
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
      <Table aria-label={label} fz="xs" verticalSpacing={2} horizontalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{bucket === "day" ? `${t.time} (UTC)` : t.time}</Table.Th>
            {series.map((each) => (
              <Table.Th key={each.label} scope="col" ta="right" className="breaks">
                {each.label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {times
            .map((time, at) => (
              <Table.Tr key={time}>
                <Table.Td>
                  <Anchor
                    component={Link}
                    size="xs"
                    href={tasksAddress({ ...filters, ...createdIn(time, bucket) })}
                  >
                    {bucketLabel(time, bucket, language)}
                  </Anchor>
                </Table.Td>
                {series.map((each, place) => (
                  <Table.Td key={each.label} ta="right">
                    {valueText(values[place]?.[at], unit, language)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))
            .reverse()}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function createdIn(time: number, bucket: Bucket): Partial<Filters> {
  return { created_after: iso(time), created_before: iso(time + SECONDS[bucket]) };
}
