import { Menu } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { MenuProps } from "./MenuButton";

interface Props extends MenuProps {
  /** Id of what names it; without one it is called like its button. */
  labelledBy?: string;
  children: ReactNode;
}

/** A menu that opens as soon as it is there. It has nothing in it but its items and words. */
export function OpenedMenu({ button, labelledBy, children }: Props) {
  const [opened, setOpened] = useState(false);
  // Not from the start: a menu gives the focus back only to what had it before it was opened.
  useEffect(() => setOpened(true), []);
  const name = labelledBy === undefined ? {} : { "aria-labelledby": labelledBy };
  return (
    // In the header, a part of the page that can be gone to, and not behind the page. The library's
    // own place for the first focus is no item: the first item gets it instead.
    <Menu
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      withinPortal={false}
      withInitialFocusPlaceholder={false}
    >
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown {...name}>{children}</Menu.Dropdown>
    </Menu>
  );
}
