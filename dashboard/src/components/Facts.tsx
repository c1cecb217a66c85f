import { Box, Text } from "@mantine/core";
import type { CSSProperties, ReactNode } from "react";

/** One that has no value, such as null or false, is left out. */
export type Fact = readonly [name: string, value: ReactNode];

const GRID: CSSProperties = {
  display: "grid",
  gap: "var(--mantine-spacing-sm)",
  gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 210px), 1fr))",
};

/** What is known about one thing, side by side as far as there is room. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  const known = facts.filter(([, value]) => value || value === 0);
  return (
    <Box component="dl" m={0} style={GRID}>
      {known.map(([name, value]) => (
        <Box key={name} miw={0}>
          <Text component="dt" size="xs" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} className="breaks">
            {value}
          </Text>
        </Box>
      ))}
    </Box>
  );
}
