import { ActionIcon, Group, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import { LANGUAGES, type Language, useLanguage, useText } from "../text/language";
import { words } from "./text";

const SCHEMES = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon } as const;
const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;

/** Language, and light or dark. */
export function Choices() {
  const t = useText(words);
  const { language, choose } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = SCHEMES[colorScheme];
  const label = t.schemes[colorScheme];
  return (
    <Group gap={4} wrap="nowrap">
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t.language}>
            <IconLanguage size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {Object.entries(LANGUAGES).map(([key, name]) => (
            <Menu.Item
              key={key}
              lang={key}
              disabled={key === language}
              onClick={() => choose(key as Language)}
            >
              {name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Tooltip label={label}>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={label}
          onClick={() => setColorScheme(NEXT[colorScheme])}
        >
          <Icon size={18} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
