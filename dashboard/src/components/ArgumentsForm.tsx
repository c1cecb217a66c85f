import { Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import { EXTRA, isJson, MORE, own, shown, type Value, type Values } from "../lib/json-arguments";
import { type Schema, signatureOf } from "../lib/json-schema";
import { useText } from "../text/language";
import { ArgumentField } from "./arguments/ArgumentField";
import { JsonField } from "./arguments/JsonField";
import { words } from "./arguments/text";

interface Props {
  /** `parameters` of a task type. */
  schema: Schema;
  value: Values;
  onChange: (value: Values) => void;
  /** What is wrong, by the parameter's name. */
  errors: Readonly<Record<string, string>>;
}

/** A field for each parameter of a function. `argumentsOf` makes arguments of what is filled in. */
export function ArgumentsForm({ schema, value, onChange, errors }: Props) {
  const t = useText(words);
  const signature = useMemo(() => signatureOf(schema), [schema]);
  const more = own(value, MORE);
  const extra = own(value, EXTRA);
  const hasMore = signature.more || more !== undefined;
  const hasExtra = signature.extra || extra !== undefined;
  const change = (name: string, next: Value | undefined) => onChange(changed(value, name, next));
  if (signature.fields.length === 0 && !hasMore && !hasExtra) {
    return (
      <Text size="sm" c="dimmed">
        {t.noArguments}
      </Text>
    );
  }
  return (
    <Stack gap="md">
      {signature.fields.map((field) => (
        <ArgumentField
          key={field.name}
          field={field}
          value={shown(field, value)}
          onChange={(next) => change(field.name, next)}
          error={own(errors, field.name)}
        />
      ))}
      {hasMore && (
        <JsonField
          label={t.more}
          description={t.moreAbout}
          error={own(errors, MORE)}
          value={jsonOf(more)}
          onChange={(json) => change(MORE, json === "" ? undefined : { json })}
        />
      )}
      {hasExtra && (
        <JsonField
          label={t.extra}
          description={t.extraAbout}
          error={own(errors, EXTRA)}
          value={jsonOf(extra)}
          onChange={(json) => change(EXTRA, json === "" ? undefined : { json })}
        />
      )}
    </Stack>
  );
}

function jsonOf(value: Value | undefined): string {
  return value !== undefined && isJson(value) ? value.json : "";
}

function changed(values: Values, name: string, next: Value | undefined): Values {
  const others = Object.entries(values).filter(([each]) => each !== name);
  return Object.fromEntries(next === undefined ? others : [...others, [name, next]]);
}
