import { Menu } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { MenuProps } from "./MenuButton";

interface Props extends MenuProps {
  children: ReactNode;
}

/** A menu that opens as soon as it is there. */
export function OpenedMenu({ button, children }: Props) {
  const [opened, setOpened] = useState(false);
  // Not from the start: a menu gives the focus back only to what had it before it was opened.
  useEffect(() => setOpened(true), []);
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-end" withinPortal>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
