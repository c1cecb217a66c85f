import { Button, Text } from "@mantine/core";
import { useState } from "react";
import { useCan } from "../../api/session";
import type { BulkAction } from "../../api/types";
import { conditions, type Filters, isEmpty } from "../../lib/address";
import { count } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import type { Chosen } from "../bulk/operations";
import { OrderModal } from "./OrderModal";
import { EVERYTHING, NOTHING, type Selection } from "./selection";
import { words } from "./text";

const ACTIONS: readonly BulkAction[] = ["cancel", "retry", "delete"];
const COLORS = { cancel: "orange", retry: undefined, delete: "red" } as const;

interface Props {
  filters: Filters;
  selection: Selection;
  select: (selection: Selection) => void;
  /** How many match; null until it is known. */
  total: number | null;
  /** Whether to select all that match is offered: the whole page is, and there are other ones. */
  offered: boolean;
}

/** What can be done with the selected tasks. */
export function BulkBar({ filters, selection, select, total, offered }: Props) {
  const c = useText(common);
  const can = useCan();
  const [action, setAction] = useState<BulkAction | null>(null);
  return (
    <>
      <Selected selection={selection} total={total} />
      {offered && !selection.everything && (
        <OfferEverything filters={filters} total={total} select={() => select(EVERYTHING)} />
      )}
      {can("tasks:write") &&
        ACTIONS.map((each) => (
          <Button
            key={each}
            size="compact-sm"
            variant="light"
            color={COLORS[each]}
            onClick={() => setAction(each)}
          >
            {c[each]}
          </Button>
        ))}
      <Button size="compact-sm" variant="subtle" color="gray" onClick={() => select(NOTHING)}>
        {c.clear}
      </Button>
      {action && (
        <OrderModal
          action={action}
          chosen={chosenBy(selection, filters)}
          close={(given) => {
            setAction(null);
            if (given) select(NOTHING);
          }}
        />
      )}
    </>
  );
}

function chosenBy(selection: Selection, filters: Filters): Chosen {
  return selection.everything ? { filter: conditions(filters) } : { ids: [...selection.ids] };
}

function Selected({ selection, total }: { selection: Selection; total: number | null }) {
  const t = useText(words);
  const { language } = useLanguage();
  const said = total === null ? null : count(total, language);
  return (
    <Text size="sm" fw={600} role="status">
      {selection.everything ? t.everything(said) : t.selected(count(selection.ids.size, language))}
    </Text>
  );
}

interface OfferProps {
  filters: Filters;
  total: number | null;
  select: () => void;
}

/** Nothing is ordered about every task there is: the API asks for at least one condition. */
function OfferEverything({ filters, total, select }: OfferProps) {
  const t = useText(words);
  const { language } = useLanguage();
  if (isEmpty(filters)) {
    return (
      <Text size="xs" c="dimmed">
        {t.filterFirst}
      </Text>
    );
  }
  return (
    <Button size="compact-sm" variant="subtle" onClick={select}>
      {t.selectEverything(total === null ? null : count(total, language))}
    </Button>
  );
}
