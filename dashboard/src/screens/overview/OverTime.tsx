import { Group, SegmentedControl, Stack, Title } from "@mantine/core";
import { useSearchParams } from "wouter";
import { StatisticsCharts } from "../../components/StatisticsCharts";
import { Answer } from "../../components/states";
import { RANGE_NAMES, type RangeName, readRange } from "../../lib/series";
import { useText } from "../../text/language";
import { useStatistics } from "./queries";
import { words } from "./text";

/** Throughput, waiting and run times of a range that the address keeps. */
export function OverTime() {
  const t = useText(words);
  const [address, setAddress] = useSearchParams();
  const range = readRange(address.get("range"));
  const query = useStatistics(range);

  function choose(name: RangeName) {
    setAddress((before) => ({ ...Object.fromEntries(before), range: name }), { replace: true });
  }

  return (
    <Stack gap="xs" component="section" aria-label={t.overTime}>
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h5">
          {t.overTime}
        </Title>
        <SegmentedControl
          size="xs"
          aria-label={t.range}
          data={RANGE_NAMES.map((value) => ({ value, label: t.ranges[value] }))}
          value={range}
          onChange={choose}
        />
      </Group>
      <Answer query={query} lines={12}>
        {(statistics) => <StatisticsCharts key={statistics.bucket} statistics={statistics} />}
      </Answer>
    </Stack>
  );
}
