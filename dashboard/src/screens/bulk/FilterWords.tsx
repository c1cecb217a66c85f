import { Group, Text } from "@mantine/core";
import type { BulkOperation } from "../../api/types";
import { OneLine } from "../../components/OneLine";
import { clip } from "../../lib/format";
import { useText } from "../../text/language";
import { useFilterLines } from "../tasks/ActiveFilters";
import { words as filterWords } from "../tasks/text";
import { words } from "./text";

const LONGEST = 300;

interface Props {
  filter: BulkOperation["filter"];
  /** In one line, however much it is. */
  short?: boolean;
}

/** What an order was about: its filter in words, or that the tasks were chosen one by one. */
export function FilterWords({ filter, short = false }: Props) {
  const t = useText(words);
  const { names } = useText(filterWords);
  const lines = useFilterLines(filter ?? {});
  if (lines.length === 0) return <Text size="sm">{t.chosenById}</Text>;
  if (short) {
    const all = lines.map(({ name, value }) => `${names[name]}: ${value}`).join(" · ");
    return <OneLine text={all} />;
  }
  return (
    <Group gap="md">
      {lines.map(({ name, value }) => (
        <Text key={name} size="sm" className="breaks">
          <Text span inherit c="dimmed">
            {names[name]}:
          </Text>{" "}
          {clip(value, LONGEST)}
        </Text>
      ))}
    </Group>
  );
}
