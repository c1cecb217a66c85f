import { Anchor, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, bodyOf } from "../../api/client";
import type { ReportKind } from "../../api/types";
import { Page } from "../../components/Page";
import { Answer, Empty } from "../../components/states";
import type { ScreenProps } from "../../routes";
import { useText } from "../../text/language";
import { words } from "./text";

/** The reports that there are. */
export default function Reports(_: ScreenProps) {
  const t = useText(words);
  const query = useQuery({
    queryKey: ["reports"],
    queryFn: async ({ signal }): Promise<ReportKind[]> =>
      bodyOf(await api.GET("/api/v1/reports", { signal })),
    staleTime: 300_000,
  });
  return (
    <Page title={t.title} about={t.about}>
      <Answer query={query}>
        {(kinds) =>
          kinds.length === 0 ? (
            <Empty title={t.none} />
          ) : (
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm">
              {kinds.map((kind) => (
                <KindCard key={kind.kind} kind={kind} />
              ))}
            </SimpleGrid>
          )
        }
      </Answer>
    </Page>
  );
}

function KindCard({ kind }: { kind: ReportKind }) {
  const t = useText(words);
  const known = t.kinds[kind.kind];
  return (
    <Paper withBorder p="md">
      <Stack gap={4}>
        <Title order={2} size="h5" className="breaks">
          <Anchor component={Link} href={`/reports/${encodeURIComponent(kind.kind)}`} inherit>
            {known?.title ?? kind.title}
          </Anchor>
        </Title>
        <Text size="sm" c="dimmed" className="breaks">
          {known?.about ?? kind.description}
        </Text>
      </Stack>
    </Paper>
  );
}
