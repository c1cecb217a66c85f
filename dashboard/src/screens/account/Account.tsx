import { Tabs } from "@mantine/core";
import type { ComponentType } from "react";
import { useSearchParams } from "wouter";
import { useCan } from "../../api/session";
import type { Scope } from "../../api/types";
import { Page } from "../../components/Page";
import type { ScreenProps } from "../../routes";
import { useText } from "../../text/language";
import { Me } from "./Me";
import { Tokens } from "./Tokens";
import { words } from "./text";
import { Users } from "./Users";

interface Tab {
  readonly name: keyof typeof words.en.tabs;
  readonly Panel: ComponentType;
  /** Without it the tab is not shown. */
  readonly scope?: Scope;
}

const TABS: readonly Tab[] = [
  { name: "me", Panel: Me },
  { name: "tokens", Panel: Tokens, scope: "tokens:write" },
  { name: "users", Panel: Users, scope: "users:read" },
];

/** Who is signed in, their tokens, and for administrators the users. */
export default function Account(_: ScreenProps) {
  const t = useText(words);
  const can = useCan();
  const [address, setAddress] = useSearchParams();
  const tabs = TABS.filter(({ scope }) => scope === undefined || can(scope));
  const asked = address.get("tab");
  const current = tabs.find(({ name }) => name === asked) ?? tabs[0];
  return (
    <Page title={t.title}>
      <Tabs
        value={current?.name}
        onChange={(next) => setAddress(next ? `tab=${next}` : "", { replace: true })}
        keepMounted={false}
      >
        <Tabs.List aria-label={t.title}>
          {tabs.map(({ name }) => (
            <Tabs.Tab key={name} value={name}>
              {t.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(({ name, Panel }) => (
          <Tabs.Panel key={name} value={name} pt="md">
            <Panel />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
