import { Menu } from "@mantine/core";
import { IconKeyboard, IconLogout } from "@tabler/icons-react";
import { useId } from "react";
import { useSession, useSignOut } from "../api/session";
import { common } from "../text/common";
import { useText } from "../text/language";
import type { MenuProps } from "./MenuButton";
import { OpenedMenu } from "./OpenedMenu";
import { words } from "./text";

/** Who is signed in, and what they can do here. */
export default function WhoMenu({ button, openHelp }: MenuProps & { openHelp: () => void }) {
  const t = useText(words);
  const c = useText(common);
  const session = useSession();
  const signOut = useSignOut();
  const who = useId();
  return (
    <OpenedMenu button={button} labelledBy={who}>
      <Menu.Label id={who} maw={280} className="breaks">
        {session.email} · {c.roles[session.role]}
      </Menu.Label>
      <Menu.Item leftSection={<IconKeyboard size={16} aria-hidden />} onClick={openHelp}>
        {t.keys}
      </Menu.Item>
      {session.kind === "session" && (
        <Menu.Item
          leftSection={<IconLogout size={16} aria-hidden />}
          onClick={() => void signOut()}
        >
          {t.signOut}
        </Menu.Item>
      )}
    </OpenedMenu>
  );
}
