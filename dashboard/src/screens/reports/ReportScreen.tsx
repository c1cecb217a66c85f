import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconDownload, IconPrinter } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, bodyOf } from "../../api/client";
import type { Report } from "../../api/types";
import { given } from "../../components/filters";
import { Page } from "../../components/Page";
import { StatisticsCharts } from "../../components/StatisticsCharts";
import { Answer } from "../../components/states";
import { useAddress } from "../../components/useAddress";
import { When } from "../../components/When";
import { spanLabel } from "../../lib/series";
import type { ScreenProps } from "../../routes";
import { useLanguage, useText } from "../../text/language";
import { Figures } from "./Figures";
import { GroupChart } from "./GroupChart";
import { Options } from "./Options";
import { words } from "./text";
import { downloadAddress, filtersOf, readWanted, type Wanted } from "./wanted";

/** A report: what it shows is chosen above, and kept in the address. `id` is its kind. */
export default function ReportScreen({ id: kind }: ScreenProps) {
  const t = useText(words);
  const { filters: wanted, apply } = useAddress(readWanted);
  const query = useReport(kind, wanted);
  const known = t.kinds[kind];
  return (
    <Page
      title={known?.title ?? query.data?.title ?? t.title}
      about={known?.about ?? query.data?.description}
      actions={<Downloads kind={kind} wanted={wanted} />}
    >
      <Options wanted={wanted} apply={apply} />
      <Answer query={query} lines={12}>
        {(report) => <Shown report={report} wanted={wanted} />}
      </Answer>
    </Page>
  );
}

function useReport(kind: string, wanted: Wanted) {
  const query = given(wanted);
  return useQuery({
    queryKey: ["report", kind, query],
    queryFn: async ({ signal }) => {
      const params = { path: { kind }, query };
      // The other formats are not asked for here.
      return bodyOf(await api.GET("/api/v1/reports/{kind}", { params, signal })) as Report;
    },
    placeholderData: keepPreviousData,
  });
}

function Downloads({ kind, wanted }: { kind: string; wanted: Wanted }) {
  const t = useText(words);
  return (
    <>
      <Button
        component="a"
        href={downloadAddress(kind, wanted, "csv")}
        download
        size="xs"
        variant="default"
        leftSection={<IconDownload size={14} aria-hidden />}
      >
        {t.csv}
      </Button>
      <Button
        component="a"
        href={downloadAddress(kind, wanted, "html")}
        target="_blank"
        rel="noreferrer"
        size="xs"
        variant="default"
        leftSection={<IconPrinter size={14} aria-hidden />}
      >
        {t.print}
      </Button>
    </>
  );
}

function Shown({ report, wanted }: { report: Report; wanted: Wanted }) {
  const t = useText(words);
  const { statistics } = report;
  const filters = useMemo(() => filtersOf(wanted), [wanted]);
  return (
    <Stack gap="md">
      <Period report={report} />
      <Stack gap="xs" component="section" aria-label={t.charts}>
        <Title order={2} size="h5">
          {t.charts}
        </Title>
        {statistics.group_by === null ? (
          <StatisticsCharts key={statistics.bucket} statistics={statistics} filters={filters} />
        ) : (
          <GroupChart key={statistics.bucket} statistics={statistics} filters={filters} />
        )}
      </Stack>
      <Figures statistics={statistics} wanted={wanted} />
    </Stack>
  );
}

/** Which time the report is about: whole hours or days, whatever was asked for. */
function Period({ report }: { report: Report }) {
  const t = useText(words);
  const { language } = useLanguage();
  const { begins_at, ends_at, bucket, as_of, total } = report.statistics;
  const span = { from: Date.parse(begins_at) / 1000, to: Date.parse(ends_at) / 1000 };
  const rate = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  return (
    <Group gap="md">
      <Text size="sm">
        {t.period}: {spanLabel(span, bucket, language)}
      </Text>
      <Text size="sm">{t.perMinute(rate.format(60 * total.per_second))}</Text>
      <Text size="sm" c="dimmed">
        {t.asOf} <When at={as_of} />
      </Text>
    </Group>
  );
}
