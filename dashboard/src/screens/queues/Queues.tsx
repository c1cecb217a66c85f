import { Tabs } from "@mantine/core";
import { useSearchParams } from "wouter";
import { useCan } from "../../api/session";
import { Page } from "../../components/Page";
import { useText } from "../../text/language";
import { LimitsTab } from "./LimitsTab";
import { QueuesTab } from "./QueuesTab";
import { words } from "./text";
import { WorkersTab } from "./WorkersTab";

const TABS = ["queues", "limits", "workers"] as const;

/** What waits, what holds it back, and who works. The tab is kept in the address. */
export default function Queues() {
  const t = useText(words);
  const can = useCan();
  const [address, setAddress] = useSearchParams();
  const shown = TABS.filter((tab) => tab !== "workers" || can("workers:read"));
  const tab = shown.find((each) => each === address.get("tab")) ?? "queues";
  return (
    <Page title={can("workers:read") ? t.title : t.titleWithoutWorkers}>
      {/* What is not seen is not asked for. */}
      <Tabs
        value={tab}
        onChange={(next) => setAddress(next && next !== "queues" ? { tab: next } : "")}
        keepMounted={false}
      >
        <Tabs.List aria-label={t.title}>
          {shown.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {t[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="queues" pt="md">
          <QueuesTab />
        </Tabs.Panel>
        <Tabs.Panel value="limits" pt="md">
          <LimitsTab />
        </Tabs.Panel>
        {can("workers:read") && (
          <Tabs.Panel value="workers" pt="md">
            <WorkersTab />
          </Tabs.Panel>
        )}
      </Tabs>
    </Page>
  );
}
