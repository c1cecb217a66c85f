import { IconCode } from "@tabler/icons-react";
import { useText } from "../../text/language";
import { Empty } from "../states";
import { words } from "./text";

/** There is nothing to run: how that changes. */
export function NoFunctions() {
  const t = useText(words);
  return (
    <Empty title={t.noFunctions} icon={<IconCode size={32} aria-hidden />}>
      {t.noFunctionsAbout}
    </Empty>
  );
}
