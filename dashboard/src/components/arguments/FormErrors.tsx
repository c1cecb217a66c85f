import { Alert } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useText } from "../../text/language";
import { Failed } from "../states";
import { words } from "./text";
import type { Refusal } from "./useSubmit";

/** Above a form that was not accepted: what the API said, or that the fields say it. */
export function FormErrors({ refusal }: { refusal: Refusal }) {
  const t = useText(words);
  if (!refusal.complete) return <Failed error={refusal.error} />;
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} role="alert">
      {t.lookAtFields}
    </Alert>
  );
}
