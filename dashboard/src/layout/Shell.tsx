import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  ColorSwatch,
  Group,
  NavLink,
  Text,
  UnstyledButton,
  VisuallyHidden,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconActivity,
  IconAlertTriangle,
  IconApi,
  IconCalendarTime,
  IconChartBar,
  IconHistory,
  IconKey,
  IconLayoutDashboard,
  IconListCheck,
  IconPlus,
  IconServer,
  IconStack2,
  IconUser,
  IconWebhook,
} from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Link, useLocation } from "wouter";
import { useCan, useSession } from "../api/session";
import type { Scope } from "../api/types";
import { Guard } from "../components/Guard";
import { useConnection } from "../live/hooks";
import { useText } from "../text/language";
import { Choices } from "./Choices";
import { MenuButton } from "./MenuButton";
import { words } from "./text";
import { useFlower } from "./useFlower";
import { useKeys } from "./useKeys";

// Dialogs and menus bring much code with them: not before one is wanted.
const Help = lazy(() => import("./Help"));
const WhoMenu = lazy(() => import("./WhoMenu"));

/** Above the page's menu, which slides in below the header: its own menus hang down over that. */
const OVER_MENU = 102;

type ScreenName = keyof typeof words.en.screens;

interface Entry {
  readonly name: ScreenName;
  readonly path: string;
  readonly Icon: typeof IconKey;
  readonly scope: Scope;
}

const ENTRIES: readonly Entry[] = [
  { name: "overview", path: "/", Icon: IconLayoutDashboard, scope: "tasks:read" },
  { name: "tasks", path: "/tasks", Icon: IconListCheck, scope: "tasks:read" },
  { name: "failures", path: "/failures", Icon: IconAlertTriangle, scope: "tasks:read" },
  { name: "schedules", path: "/schedules", Icon: IconCalendarTime, scope: "tasks:read" },
  { name: "queues", path: "/queues", Icon: IconServer, scope: "queues:read" },
  { name: "reports", path: "/reports", Icon: IconChartBar, scope: "tasks:read" },
  { name: "bulk", path: "/bulk", Icon: IconStack2, scope: "tasks:read" },
  { name: "webhooks", path: "/webhooks", Icon: IconWebhook, scope: "tasks:read" },
  { name: "account", path: "/account", Icon: IconKey, scope: "tokens:write" },
  { name: "audit", path: "/audit", Icon: IconHistory, scope: "audit:read" },
];

const GO_TO: Readonly<Record<string, string>> = {
  "g o": "/",
  "g t": "/tasks",
  "g f": "/failures",
  "g s": "/schedules",
  "g q": "/queues",
  "g r": "/reports",
  n: "/tasks/new",
};

/** What surrounds every screen: where one can go, how the connection is, who is signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const t = useText(words);
  const can = useCan();
  const [path, go] = useLocation();
  const [menu, { toggle, close }] = useDisclosure(false);
  const [help, { open, close: closeHelp }] = useDisclosure(false);
  const [helped, setHelped] = useState(false);
  const flower = useFlower();
  function openHelp() {
    setHelped(true);
    open();
  }
  useKeys({
    ...Object.fromEntries(Object.entries(GO_TO).map(([keys, to]) => [keys, () => go(to)])),
    "?": openHelp,
  });
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 220, breakpoint: "md", collapsed: { mobile: !menu } }}
      padding="md"
    >
      <a className="skip" href="#content">
        {t.skip}
      </a>
      <AppShell.Header zIndex={OVER_MENU}>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger opened={menu} onClick={toggle} hiddenFrom="md" size="sm" aria-label={t.menu} />
          <UnstyledButton component={Link} href="/" flex={1} miw={100} visibleFrom="xs">
            <Text fw={700} className="one-line">
              {t.title}
            </Text>
          </UnstyledButton>
          <Group gap="xs" wrap="nowrap" ml="auto" miw={0}>
            <ConnectionState />
            {can("tasks:write") && (
              <>
                <Button
                  component={Link}
                  href="/tasks/new"
                  size="xs"
                  visibleFrom="xs"
                  flex="none"
                  leftSection={<IconPlus size={14} aria-hidden />}
                >
                  {t.newTask}
                </Button>
                <ActionIcon
                  component={Link}
                  href="/tasks/new"
                  hiddenFrom="xs"
                  aria-label={t.newTask}
                >
                  <IconPlus size={16} aria-hidden />
                </ActionIcon>
              </>
            )}
            <Choices />
            <Who openHelp={openHelp} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="menu" data-open={menu || undefined} aria-label={t.menu}>
        {ENTRIES.filter((entry) => can(entry.scope)).map(({ name, path: to, Icon }) => (
          <NavLink
            key={name}
            component={Link}
            href={to}
            label={t.screens[name]}
            leftSection={<Icon size={18} aria-hidden />}
            active={to === "/" ? path === "/" : path.startsWith(to)}
            aria-current={(to === "/" ? path === "/" : path.startsWith(to)) ? "page" : undefined}
            onClick={close}
          />
        ))}
        <NavLink
          href="/docs"
          label={t.docs}
          leftSection={<IconApi size={18} aria-hidden />}
          mt="auto"
        />
        {flower && (
          <NavLink
            href={flower}
            target="_blank"
            rel="noreferrer"
            label={t.flower}
            leftSection={<IconActivity size={18} aria-hidden />}
          />
        )}
      </AppShell.Navbar>
      <AppShell.Main id="content">{children}</AppShell.Main>
      {helped && (
        <Guard>
          <Suspense fallback={null}>
            <Help opened={help} onClose={closeHelp} />
          </Suspense>
        </Guard>
      )}
    </AppShell>
  );
}

function ConnectionState() {
  const t = useText(words);
  const connection = useConnection();
  const color = { connecting: "gray", live: "teal", lost: "red" }[connection];
  return (
    <Group
      gap={6}
      wrap="nowrap"
      miw={0}
      role="status"
      data-connection={connection}
      title={t.connections[connection]}
    >
      <ColorSwatch
        size={10}
        flex="none"
        color={`var(--mantine-color-${color}-6)`}
        withShadow={false}
      />
      <Text size="xs" className="one-line" visibleFrom="sm" aria-hidden>
        {t.connections[connection]}
      </Text>
      <VisuallyHidden>{t.connections[connection]}</VisuallyHidden>
    </Group>
  );
}

function Who({ openHelp }: { openHelp: () => void }) {
  const session = useSession();
  return (
    <MenuButton
      menu={(target) => <WhoMenu button={target} openHelp={openHelp} />}
      button={(opener) => (
        <Button
          {...opener}
          variant="subtle"
          color="gray"
          size="xs"
          px={6}
          aria-label={session.email}
          leftSection={<IconUser size={18} aria-hidden />}
        >
          <Text size="xs" maw={160} className="one-line" visibleFrom="sm">
            {session.email}
          </Text>
        </Button>
      )}
    />
  );
}
