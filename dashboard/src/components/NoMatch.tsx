import { Button } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { common } from "../text/common";
import { useText } from "../text/language";
import { Empty } from "./states";

interface Props {
  title: string;
  children?: ReactNode;
  /** What the button says. */
  label?: string;
  /** Takes all filters away. */
  clear: () => void;
}

/** No row fits the filters, which says nothing about those without them. */
export function NoMatch({ title, children, label, clear }: Props) {
  const c = useText(common);
  return (
    <Empty
      title={title}
      icon={<IconSearchOff size={40} aria-hidden />}
      action={
        <Button size="xs" variant="default" onClick={clear}>
          {label ?? c.clear}
        </Button>
      }
    >
      {children}
    </Empty>
  );
}
