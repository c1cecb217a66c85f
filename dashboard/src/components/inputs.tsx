/** Inputs that forms and filters share. */
import {
  Autocomplete,
  type AutocompleteProps,
  Input,
  SegmentedControl,
  TextInput,
} from "@mantine/core";
import type { ReactNode } from "react";
import { useFunctionNames, useQueueNames } from "../api/queries";

export interface LineProps {
  label: string;
  description?: ReactNode;
  placeholder?: string;
  required?: boolean;
  size?: "xs" | "sm";
  type?: "text" | "datetime-local";
  inputMode?: "decimal" | "numeric";
  maxLength?: number;
  value: string;
  onText: (text: string) => void;
  error?: string;
}

/** One line of text. */
export function Line({ onText, ...line }: LineProps) {
  return (
    <TextInput
      autoComplete="off"
      {...line}
      onChange={(event) => onText(event.currentTarget.value)}
    />
  );
}

/** Suggestions shown at a time. */
const SUGGESTED = 50;

/** The name of a function: one of those there are, or another. */
export function FunctionInput(props: AutocompleteProps) {
  const names = useFunctionNames();
  return <Autocomplete {...props} data={names} limit={SUGGESTED} maxLength={255} />;
}

/** The name of a queue: one of those there are, or another. */
export function QueueInput(props: AutocompleteProps) {
  const names = useQueueNames();
  return <Autocomplete {...props} data={names} limit={SUGGESTED} maxLength={100} />;
}

interface Option {
  value: string;
  label: string;
}

/** Options of a choice, from words by value. */
export function optionsOf(words: Readonly<Record<string, string>>): Option[] {
  return Object.entries(words).map(([value, label]) => ({ value, label }));
}

interface SegmentsProps {
  label: string;
  description?: ReactNode;
  /** Few enough to stand beside each other on a telephone. */
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
  error?: string;
}

/** A few values of which one is chosen, all of them to be seen. */
export function Segments({ label, description, options, value, onChange, error }: SegmentsProps) {
  return (
    <Input.Wrapper label={label} description={description} error={error} labelElement="div">
      <div>
        <SegmentedControl
          mt={4}
          aria-label={label}
          data={[...options]}
          value={value}
          onChange={onChange}
        />
      </div>
    </Input.Wrapper>
  );
}
