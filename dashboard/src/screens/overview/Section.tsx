import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Panel } from "../../components/Panel";

interface Props {
  title: string;
  /** Where there is more of it, and what the way there is called. */
  more: { href: string; label: string };
  /** Height that is kept, so that what is below does not move. */
  height?: number;
  children: ReactNode;
}

/** A part of the overview, and the way to more of it. */
export function Section({ title, more, height, children }: Props) {
  const way = (
    <Anchor component={Link} href={more.href} size="sm">
      {more.label}
    </Anchor>
  );
  return (
    <Panel title={title} actions={way} height={height}>
      {children}
    </Panel>
  );
}
