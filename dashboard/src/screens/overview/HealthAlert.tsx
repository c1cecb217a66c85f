import { Alert, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useText } from "../../text/language";
import { useHealth } from "./queries";
import { words } from "./text";

/** Why the system cannot do its work, or not all of it; nothing while it can. */
export function HealthAlert() {
  const t = useText(words);
  const { data: health } = useHealth();
  // An answer of something in between, such as a proxy, says nothing about the system.
  if (!health || (health.status !== "degraded" && health.status !== "failed")) return null;
  return (
    <Alert
      color={health.status === "failed" ? "red" : "yellow"}
      variant="light"
      icon={<IconAlertTriangle />}
      title={t.health[health.status]}
      role="alert"
      data-health={health.status}
    >
      <Stack gap={4}>
        {health.reasons.map((reason) => (
          <Text key={reason} size="sm" className="breaks">
            {reason}
          </Text>
        ))}
      </Stack>
    </Alert>
  );
}
