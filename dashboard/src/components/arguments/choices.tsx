/** Inputs for one of several values, and for a list of values. */
import { MultiSelect, Select, TagsInput } from "@mantine/core";
import { optionText, type Value } from "../../lib/json-arguments";
import type { Field } from "../../lib/json-schema";
import { useText } from "../../text/language";
import { words } from "./text";

interface Labels {
  label: string;
  description?: string;
  error?: string;
  required: boolean;
  disabled: boolean;
}

interface Props<T> {
  field: Field;
  value: T;
  onChange: (value: Value | undefined) => void;
  labels: Labels;
}

/** So many options can be seen at once. */
const SEEN = 8;
const NUMBERS = [",", ";", " "];

/** One of the values that the function allows. */
export function Choice({ field, value, onChange, labels }: Props<string>) {
  return (
    <Select
      {...labels}
      data={optionsOf(field)}
      value={value || null}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      searchable={field.options.length > SEEN}
      clearable={!field.required}
      allowDeselect={!field.required}
    />
  );
}

/** A list: of the values that the function allows, or of what is typed. */
export function Items({ field, value, onChange, labels }: Props<string[]>) {
  const t = useText(words);
  // An empty list is meant where there must be one, or where the function has another by itself.
  const meansEmpty = field.required || (Array.isArray(field.initial) && field.initial.length > 0);
  const change = (items: string[]) => {
    onChange(items.length === 0 && !meansEmpty ? undefined : items);
  };
  if (field.items === "choice") {
    return (
      <MultiSelect
        {...labels}
        data={optionsOf(field)}
        value={value}
        onChange={change}
        searchable={field.options.length > SEEN}
        clearable
      />
    );
  }
  return (
    <TagsInput
      {...labels}
      value={value}
      onChange={change}
      allowDuplicates={!field.unique}
      // A text may hold a comma; a number cannot.
      splitChars={field.items === "text" ? [] : NUMBERS}
      placeholder={t.addItem}
      clearable
    />
  );
}

function optionsOf(field: Field): { value: string; label: string }[] {
  // Each once: two of the same are a fault to the list.
  const options = new Map(field.options.map((option) => [optionText(option), option]));
  return [...options].map(([value, option]) => ({
    value,
    label: typeof option === "string" && option !== "" ? option : value,
  }));
}
