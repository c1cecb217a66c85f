import { Badge } from "@mantine/core";
import {
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconPlayerPlay,
  IconPlayerStop,
} from "@tabler/icons-react";
import type { TaskStatus } from "../api/types";
import { common } from "../text/common";
import { useText } from "../text/language";

/** The colour of each status, the same everywhere. */
export const COLORS: Record<TaskStatus, string> = {
  pending: "gray",
  running: "blue",
  succeeded: "teal",
  failed: "red",
  revoked: "orange",
};

const ICONS: Record<TaskStatus, typeof IconClock> = {
  pending: IconClock,
  running: IconPlayerPlay,
  succeeded: IconCircleCheck,
  failed: IconCircleX,
  revoked: IconPlayerStop,
};

/** A status in words, with a sign: colour alone does not tell everybody. */
export function StatusBadge({ status }: { status: TaskStatus }) {
  const t = useText(common);
  const Icon = ICONS[status];
  return (
    <Badge
      color={COLORS[status]}
      variant="light"
      leftSection={<Icon size={12} aria-hidden />}
      data-status={status}
    >
      {t.statuses[status]}
    </Badge>
  );
}
