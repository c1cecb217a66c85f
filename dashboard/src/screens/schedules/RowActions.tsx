import { ActionIcon, Group, Tooltip } from "@mantine/core";
import { IconBolt, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import type { Schedule } from "../../api/types";
import { say, sayError } from "../../components/say";
import { clip } from "../../lib/format";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { useScheduleActions } from "./queries";
import { words } from "./text";

/** What can be done with a schedule in a list: hold it back, let it go on, run it now. */
export function RowActions({ schedule }: { schedule: Schedule }) {
  const t = useText(words);
  const c = useText(common);
  const { name, paused } = schedule;
  const { pause, resume, run } = useScheduleActions(schedule.id);

  async function toggle() {
    await (paused ? resume() : pause());
    say(paused ? t.isResumed : t.isPaused);
  }

  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <IconAction label={paused ? c.resume : c.pause} of={name} act={toggle}>
        {paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
      </IconAction>
      <IconAction label={t.run} of={name} act={run}>
        <IconBolt size={16} />
      </IconAction>
    </Group>
  );
}

interface IconActionProps {
  label: string;
  /** What it is done with. */
  of: string;
  act: () => Promise<void>;
  children: ReactNode;
}

function IconAction({ label, of, act, children }: IconActionProps) {
  const [busy, setBusy] = useState(false);
  async function run() {
    setBusy(true);
    try {
      await act();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${label}: ${clip(of, 100)}`}
        loading={busy}
        onClick={() => void run()}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
