import { Alert } from "@mantine/core";
import { IconCode } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTaskTypes } from "../../api/queries";
import { useCan } from "../../api/session";
import type { TaskType } from "../../api/types";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { Answer, Empty } from "../states";
import { words } from "./text";

interface Props {
  children: (types: readonly TaskType[]) => ReactNode;
}

/** A form for what runs a function: for those who may, and where there is one. */
export function WithFunctions({ children }: Props) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const types = useTaskTypes();
  if (!can("tasks:write")) return <Alert color="gray">{c.noAccess}</Alert>;
  return (
    <Answer query={types}>
      {(found) =>
        found.length > 0 ? (
          children(found)
        ) : (
          <Empty title={t.noFunctions} icon={<IconCode size={40} aria-hidden />}>
            {t.noFunctionsAbout}
          </Empty>
        )
      }
    </Answer>
  );
}
