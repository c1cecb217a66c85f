import { Menu } from "@mantine/core";
import { LANGUAGES, type Language, useLanguage } from "../text/language";
import type { MenuProps } from "./MenuButton";
import { OpenedMenu } from "./OpenedMenu";

/** The languages of the page. */
export default function LanguageMenu({ button }: MenuProps) {
  const { language, choose } = useLanguage();
  return (
    <OpenedMenu button={button}>
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
    </OpenedMenu>
  );
}
