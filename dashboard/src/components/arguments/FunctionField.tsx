import { Select, Stack, Text } from "@mantine/core";
import type { TaskType } from "../../api/types";
import { clip, duration, shortName } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";

interface Props {
  types: readonly TaskType[];
  value: string;
  onChange: (name: string) => void;
  error?: string;
}

const SHOWN = 200;

/** A choice of functions, and below it what the chosen one says about itself. */
export function FunctionField({ types, value, onChange, error }: Props) {
  const t = useText(words);
  const c = useText(common);
  const chosen = types.find((type) => type.name === value);
  const data = types.map((type) => ({ value: type.name, label: type.name }));
  if (value !== "" && !chosen) data.unshift({ value, label: value });
  return (
    <Stack gap="xs">
      <Select
        label={c.function}
        description={t.functionAbout}
        placeholder={t.functionPlaceholder}
        nothingFoundMessage={t.noFunctionFound}
        data={data}
        value={value || null}
        onChange={(name) => name !== null && name !== value && onChange(name)}
        renderOption={({ option }) => (
          <Option name={option.value} type={types.find((each) => each.name === option.value)} />
        )}
        limit={SHOWN}
        maxDropdownHeight={360}
        searchable
        required
        allowDeselect={false}
        error={error ?? (value !== "" && !chosen ? `${clip(value, 200)} ${t.notRegistered}` : null)}
      />
      {chosen && <About type={chosen} />}
    </Stack>
  );
}

function Option({ name, type }: { name: string; type: TaskType | undefined }) {
  const [line = ""] = (type?.description ?? "").split("\n");
  return (
    <Stack gap={0} className="breaks">
      <Text size="sm" fw={600} className="breaks">
        {shortName(name)}
      </Text>
      <Text size="xs" c="dimmed" className="breaks">
        {name}
      </Text>
      {line && (
        <Text size="xs" className="breaks">
          {clip(line, 160)}
        </Text>
      )}
    </Stack>
  );
}

const AS_WRITTEN = { whiteSpace: "pre-wrap" } as const;

function About({ type }: { type: TaskType }) {
  const t = useText(words);
  const facts = [
    t.runsIn(type.queue),
    t.attempts(type.max_attempts),
    type.time_limit === null ? "" : t.atMost(duration(type.time_limit)),
  ];
  return (
    <Stack gap={2}>
      {type.description && (
        <Text size="sm" className="breaks" style={AS_WRITTEN}>
          {clip(type.description, 4_000)}
        </Text>
      )}
      <Text size="xs" c="dimmed" className="breaks">
        {facts.filter(Boolean).join(" · ")}
      </Text>
    </Stack>
  );
}
