import { Stack, Text, Title } from "@mantine/core";
import type { Statistics, StatisticsLine } from "../../api/types";
import { type Column, DataTable, type From } from "../../components/DataTable";
import { OneLine } from "../../components/OneLine";
import { RowLink } from "../../components/RowLink";
import { tasksAddress } from "../../lib/address";
import { count, duration, percent } from "../../lib/format";
import { bucketLabel, iso, SECONDS } from "../../lib/series";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { words } from "./text";
import { filtersOf, filtersOfGroup, groupName, type Wanted } from "./wanted";

interface Props {
  statistics: Statistics;
  wanted: Wanted;
}

/** The figures: of everything, then of each group, or of each hour or day where there are none. */
export function Figures({ statistics, wanted }: Props) {
  const t = useText(words);
  const { group_by, total, groups, points } = statistics;
  const lines = group_by === null ? [...points].reverse() : groups;
  const columns = useColumns(statistics, wanted);
  return (
    <Stack gap="xs" component="section" aria-label={t.figures}>
      <Title order={2} size="h5">
        {t.figures}
      </Title>
      <DataTable
        label={t.figures}
        columns={columns}
        rows={[total, ...lines]}
        keyOf={(line) => (line === total ? "total" : `${line.begins_at} ${line.group ?? ""}`)}
      />
      {lines.length === 0 && <Text c="dimmed">{t.empty}</Text>}
    </Stack>
  );
}

function useColumns(statistics: Statistics, wanted: Wanted): Column<StatisticsLine>[] {
  const t = useText(words);
  const c = useText(common);
  const { language } = useLanguage();
  const number = (name: "created" | "succeeded" | "failed" | "revoked", from?: From) => ({
    key: name,
    header: name === "created" ? t.created : c.statuses[name],
    width: name === "succeeded" ? 96 : 84,
    align: "right" as const,
    from,
    cell: (line: StatisticsLine) => count(line[name], language),
  });
  return [
    {
      key: "name",
      header: t.groups[statistics.group_by ?? "time"],
      cell: (line) =>
        line === statistics.total ? (
          <Text size="sm" fw={600}>
            {c.total}
          </Text>
        ) : statistics.group_by === null ? (
          <BucketName line={line} statistics={statistics} wanted={wanted} />
        ) : (
          <GroupName line={line} statistics={statistics} wanted={wanted} />
        ),
    },
    number("created"),
    number("succeeded", "sm"),
    number("failed"),
    number("revoked", "lg"),
    {
      key: "rate",
      header: t.failureRate,
      width: 84,
      align: "right",
      from: "sm",
      cell: (line) => percent(line.failure_rate, language),
    },
    spread("wait", t.waitSpread, "lg"),
    spread("run", t.runSpread, "md"),
  ];
}

function spread(what: "wait" | "run", header: string, from: From): Column<StatisticsLine> {
  return {
    key: what,
    header,
    width: 184,
    align: "right",
    from,
    cell: (line) => {
      const { p50, p90, p99 } = line[what];
      return (
        <Text size="xs" className="breaks">
          {[duration(p50), duration(p90), duration(p99)].join(" / ")}
        </Text>
      );
    },
  };
}

interface LineProps extends Props {
  line: StatisticsLine;
}

/** An hour or a day, and the way to the tasks that were created in it. */
function BucketName({ line, statistics: { bucket }, wanted }: LineProps) {
  const { language } = useLanguage();
  const begin = Date.parse(line.begins_at) / 1000;
  const created = { created_after: iso(begin), created_before: iso(begin + SECONDS[bucket]) };
  const name = bucketLabel(begin, bucket, language);
  return <RowLink text={name} href={tasksAddress({ ...filtersOf(wanted), ...created })} />;
}

/** A group, and the way to its tasks. */
function GroupName({ line, statistics, wanted }: LineProps) {
  const t = useText(words);
  const c = useText(common);
  const filters = filtersOfGroup(statistics, line.group, wanted);
  if (filters === null) return <OneLine text={t.others} />;
  const name = groupName(statistics, line.group, c.statuses);
  return <RowLink text={name} href={tasksAddress(filters)} />;
}
