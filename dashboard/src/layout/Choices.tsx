import { ActionIcon, Group, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import { lazy } from "react";
import { useText } from "../text/language";
import { MenuButton } from "./MenuButton";
import { words } from "./text";

const LanguageMenu = lazy(() => import("./LanguageMenu"));

const SCHEMES = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon } as const;
const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;

/** Language, and light or dark. */
export function Choices() {
  const t = useText(words);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = SCHEMES[colorScheme];
  const label = t.schemes[colorScheme];
  return (
    <Group gap={4} wrap="nowrap">
      <MenuButton
        menu={(button) => <LanguageMenu button={button} />}
        button={(opener) => (
          <ActionIcon {...opener} variant="subtle" color="gray" aria-label={t.language}>
            <IconLanguage size={18} />
          </ActionIcon>
        )}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        title={label}
        onClick={() => setColorScheme(NEXT[colorScheme])}
      >
        <Icon size={18} />
      </ActionIcon>
    </Group>
  );
}
