import { Button } from "@mantine/core";
import { IconListCheck, IconPlus } from "@tabler/icons-react";
import { Link } from "wouter";
import { useCan, useSession } from "../../api/session";
import { Page } from "../../components/Page";
import { Empty } from "../../components/states";
import type { ScreenProps } from "../../routes";
import { useText } from "../../text/language";
import { Attention } from "./Attention";
import { Counters } from "./Counters";
import { HealthAlert } from "./HealthAlert";
import { OverTime } from "./OverTime";
import { QueueAge } from "./QueueAge";
import { useCount } from "./queries";
import { RunningNow } from "./RunningNow";
import { words } from "./text";

/** What an operator wants to know at a glance: what is wrong first, then how it goes. */
export default function Overview(_: ScreenProps) {
  const t = useText(words);
  const can = useCan();
  const { role } = useSession();
  const count = useCount();
  const isFresh = count.data?.total === 0;
  return (
    <Page title={t.title} about={role === "user" ? t.own : t.everybody}>
      <HealthAlert />
      <Counters query={count} />
      {isFresh ? <FirstTask /> : <Attention />}
      {can("queues:read") && <QueueAge />}
      <OverTime />
      {!isFresh && <RunningNow total={count.data?.running ?? 0} />}
    </Page>
  );
}

/** How a system that has never had a task gets its first one. */
function FirstTask() {
  const t = useText(words);
  const can = useCan();
  return (
    <Empty
      title={t.emptyTitle}
      icon={<IconListCheck size={40} aria-hidden />}
      action={
        can("tasks:write") && (
          <Button
            component={Link}
            href="/tasks/new"
            leftSection={<IconPlus size={16} aria-hidden />}
          >
            {t.first}
          </Button>
        )
      }
    >
      {t.empty}
    </Empty>
  );
}
