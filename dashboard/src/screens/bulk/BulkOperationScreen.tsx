import { Paper, Stack } from "@mantine/core";
import type { BulkOperation } from "../../api/types";
import { type Fact, Facts } from "../../components/Facts";
import { Page } from "../../components/Page";
import { Section } from "../../components/Section";
import { Answer } from "../../components/states";
import { UserName } from "../../components/UserName";
import { When } from "../../components/When";
import { count, duration, secondsBetween } from "../../lib/format";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { FilterWords } from "./FilterWords";
import { Items } from "./Items";
import { OperationProgress } from "./OperationProgress";
import { useOperation } from "./operations";
import { words } from "./text";

/** One order about many tasks: how far it is, and what came of each. */
export default function BulkOperationScreen({ id }: ScreenProps) {
  const query = useOperation(id);
  const title = useTitle(query.data);
  return (
    <Page title={title}>
      <Answer query={query}>
        {(operation) => (
          <Stack gap="md">
            <Paper withBorder p="md">
              <OperationProgress operation={operation} />
            </Paper>
            <About operation={operation} />
            <Items operation={operation} />
          </Stack>
        )}
      </Answer>
    </Page>
  );
}

function useTitle(operation: BulkOperation | undefined): string {
  const t = useText(words);
  const { language } = useLanguage();
  if (operation === undefined) return t.one;
  const { action, total } = operation;
  return t.headings[action](t.tasks(total, count(total, language)));
}

function About({ operation }: { operation: BulkOperation }) {
  const t = useText(words);
  const c = useText(common);
  const { filter, user_id: by, created_at: created, ended_at: ended } = operation;
  const facts: readonly Fact[] = [
    [t.scope, <FilterWords key="scope" filter={filter} />],
    [t.by, <UserName key="by" id={by} />],
    [c.created, <When key="created" at={created} exact />],
    [c.ended, <When key="ended" at={ended} exact />],
    [c.duration, duration(secondsBetween(created, ended))],
  ];
  return (
    <Section title={t.one}>
      <Facts facts={facts} />
    </Section>
  );
}
