import { Anchor } from "@mantine/core";
import { Link } from "wouter";
import { clip } from "../lib/format";

/** A task's name, or its id where the name is not known, that leads to the task. */
export function TaskLink({ id, name }: { id: string; name?: string | null }) {
  return (
    <Anchor
      component={Link}
      href={`/tasks/${id}`}
      className={name ? "one-line" : "breaks"}
      title={clip(name ?? id, 300)}
    >
      {clip(name ?? id, 300)}
    </Anchor>
  );
}
