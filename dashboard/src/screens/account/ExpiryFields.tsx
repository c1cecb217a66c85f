import { Group, NativeSelect, NumberInput } from "@mantine/core";
import { useText } from "../../text/language";
import { words } from "./text";
import { EXPIRIES, type Expiry, MAX_DAYS } from "./tokens";

interface Props {
  expiry: Expiry;
  setExpiry: (expiry: Expiry) => void;
  days: number | string;
  setDays: (days: number | string) => void;
  /** The days are no number that is taken. */
  wrong: boolean;
}

/** When a token ends. */
export function ExpiryFields({ expiry, setExpiry, days, setDays, wrong }: Props) {
  const t = useText(words);
  return (
    <Group gap="sm" align="flex-start">
      <NativeSelect
        label={t.expires}
        value={expiry}
        onChange={(event) => setExpiry(event.currentTarget.value as Expiry)}
        data={EXPIRIES.map((value) => ({ value, label: t.expiries[value] }))}
      />
      {expiry === "custom" && (
        <NumberInput
          label={t.days}
          min={0}
          max={MAX_DAYS}
          w={140}
          value={days}
          error={wrong ? t.daysWrong(MAX_DAYS) : undefined}
          onChange={setDays}
        />
      )}
    </Group>
  );
}
