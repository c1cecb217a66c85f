/** What a row of a list is called, in one line, and the way to all of it. */
import { Anchor } from "@mantine/core";
import { Link } from "wouter";
import { clip } from "../lib/format";

/** Characters that are drawn at most: somebody else has written them. */
const LONGEST = 300;

/** It has a screen of its own. */
export function RowLink({ text, href, fw }: { text: string; href: string; fw?: number }) {
  const shown = clip(text, LONGEST);
  return (
    <Anchor component={Link} href={href} fw={fw} className="one-line" title={shown}>
      {shown}
    </Anchor>
  );
}

interface ButtonProps {
  text: string;
  /** What is shown then. */
  title: string;
  open: () => void;
}

/** It is shown in a dialog. */
export function RowButton({ text, title, open }: ButtonProps) {
  return (
    <Anchor
      component="button"
      type="button"
      maw="100%"
      ta="left"
      className="one-line"
      title={clip(title, LONGEST)}
      onClick={open}
    >
      {clip(text, LONGEST)}
    </Anchor>
  );
}
