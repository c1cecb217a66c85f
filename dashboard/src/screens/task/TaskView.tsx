import { Code, Group, Stack, Tabs, Text } from "@mantine/core";
import {
  IconBinaryTree,
  IconBraces,
  IconInfoCircle,
  IconListNumbers,
  IconTerminal2,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import { useLocation, useSearch } from "wouter";
import type { Task } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { Page } from "../../components/Page";
import { StatusBadge } from "../../components/StatusBadge";
import { clip } from "../../lib/format";
import { useText } from "../../text/language";
import { Actions } from "./Actions";
import { Attempts } from "./Attempts";
import { Data } from "./Data";
import { Logs } from "./Logs";
import { Overview } from "./Overview";
import { Relations } from "./Relations";
import { words } from "./text";

const TABS = ["overview", "attempts", "logs", "data", "relations"] as const;
type Tab = (typeof TABS)[number];

const PARTS: Record<Tab, { Icon: typeof IconBraces; Part: ComponentType<{ task: Task }> }> = {
  overview: { Icon: IconInfoCircle, Part: Overview },
  attempts: { Icon: IconListNumbers, Part: Attempts },
  logs: { Icon: IconTerminal2, Part: Logs },
  data: { Icon: IconBraces, Part: Data },
  relations: { Icon: IconBinaryTree, Part: Relations },
};

/** A task that is there: what it is, what can be done with it, and one of its parts. */
export function TaskView({ task }: { task: Task }) {
  const t = useText(words);
  const [tab, open] = useTab();
  return (
    <Page
      title={clip(task.name, 300)}
      about={<Identity task={task} />}
      actions={<Actions task={task} />}
    >
      <Tabs value={tab} onChange={(value) => value && open(value)} keepMounted={false}>
        <Tabs.List aria-label={t.tabList}>
          {TABS.map((each) => {
            const { Icon } = PARTS[each];
            return (
              <Tabs.Tab
                key={each}
                value={each}
                px="sm"
                leftSection={<Icon size={16} aria-hidden />}
              >
                {t.tabs[each]}
              </Tabs.Tab>
            );
          })}
        </Tabs.List>
        {TABS.map((each) => {
          const { Part } = PARTS[each];
          return (
            <Tabs.Panel key={each} value={each} pt="md">
              <Part task={task} />
            </Tabs.Panel>
          );
        })}
      </Tabs>
    </Page>
  );
}

/** Status, id and function of a task. */
function Identity({ task }: { task: Task }) {
  return (
    <Stack gap={4} mt={4}>
      <Group gap="xs">
        <StatusBadge status={task.status} />
        <Group gap={2} wrap="nowrap" miw={0}>
          <Code className="breaks">{task.id}</Code>
          <CopyButton value={task.id} />
        </Group>
      </Group>
      <Text size="sm" ff="monospace" className="breaks">
        {clip(task.celery_task_name, 300)}
      </Text>
    </Stack>
  );
}

/** Which part is open, as the address has it. */
function useTab(): [Tab, (tab: string) => void] {
  const [path, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get("tab");
  const tab = TABS.find((each) => each === asked) ?? "overview";
  return [tab, (next) => go(next === "overview" ? path : `${path}?tab=${next}`, { replace: true })];
}
