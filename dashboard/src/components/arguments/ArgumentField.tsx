import { Checkbox, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { clip } from "../../lib/format";
import { isJson, type Value } from "../../lib/json-arguments";
import type { Field, Kind } from "../../lib/json-schema";
import { useText } from "../../text/language";
import { Choice, Items } from "./choices";
import { JsonField } from "./JsonField";
import { words } from "./text";
import { useZone } from "./useZone";

interface Props {
  field: Field;
  /** What is shown: what is filled in, or the function's default. */
  value: Value;
  /** Undefined: it is left to the function again. */
  onChange: (value: Value | undefined) => void;
  error?: string;
}

/** One parameter of a function, to be filled in. */
export function ArgumentField(props: Props) {
  const { field, value, onChange } = props;
  const t = useText(words);
  // An optional one that is null by itself is null when it is left empty.
  const mayBeNull = field.nullable && field.initial !== null && field.kind !== "json";
  if (!mayBeNull) return <Input {...props} />;
  return (
    <Stack gap={6}>
      <Input {...props} />
      <Checkbox
        size="xs"
        label={t.noValue}
        aria-label={`${field.name}: ${t.noValue}`}
        checked={value === null}
        onChange={(event) => onChange(event.currentTarget.checked ? null : undefined)}
      />
    </Stack>
  );
}

/** Not an input for passwords: a key has several lines, and none of these is somebody's own. */
const DOTS = { input: "dots" };

const INPUTS: Partial<Record<Kind, string>> = {
  date: "date",
  time: "time",
  datetime: "datetime-local",
};

function Input({ field, value, onChange, error }: Props) {
  const about = useAbout(field);
  const labels = {
    label: field.name,
    description: about || undefined,
    error,
    required: field.required,
    disabled: value === null && field.initial !== null,
  };
  if (isJson(value)) {
    return (
      <JsonField
        {...labels}
        example={field.example}
        value={value.json}
        onChange={(json) => onChange({ json })}
      />
    );
  }
  if (typeof value === "boolean") {
    return (
      <Switch
        label={field.name}
        description={about}
        error={error}
        checked={value}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  }
  if (field.kind === "list") {
    const items = Array.isArray(value) ? value.map(String) : [];
    return <Items field={field} value={items} onChange={onChange} labels={labels} />;
  }
  const text = typeof value === "string" ? value : "";
  if (field.kind === "choice") {
    return <Choice field={field} value={text} onChange={onChange} labels={labels} />;
  }
  if (field.kind === "text" || field.kind === "secret") {
    return (
      <Textarea
        {...labels}
        autosize
        minRows={1}
        maxRows={10}
        autoComplete="off"
        classNames={field.kind === "secret" ? DOTS : undefined}
        placeholder={field.example}
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  const isNumber = field.kind === "number" || field.kind === "integer";
  return (
    <TextInput
      {...labels}
      type={INPUTS[field.kind] ?? "text"}
      inputMode={isNumber ? "decimal" : undefined}
      autoComplete="off"
      value={text}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function useAbout(field: Field): string {
  const t = useText(words);
  const zone = useZone();
  const { initial } = field;
  const hasDefault = initial !== undefined && initial !== null && field.kind !== "switch";
  const parts = [
    field.description,
    field.limits.join(", "),
    field.kind === "datetime" ? zone : "",
    hasDefault ? t.default(clip(JSON.stringify(initial), 100)) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}
