import { NativeSelect } from "@mantine/core";
import { FilterForm, TimeFilter } from "../../components/FilterForm";
import { FunctionInput, Line, optionsOf, QueueInput } from "../../components/inputs";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import { readWanted, type Wanted } from "./wanted";

const NONE = readWanted(new URLSearchParams());

interface Props {
  wanted: Wanted;
  apply: (wanted: Wanted) => void;
}

/** What a report shows: of which time, by hours or days, of which tasks. */
export function Options({ wanted, apply }: Props) {
  const t = useText(words);
  const c = useText(common);
  return (
    <FilterForm label={t.choose} filters={wanted} none={NONE} apply={apply} about={t.span}>
      {(draft, change) => (
        <>
          <TimeFilter label={c.from} value={draft.from} change={(from) => change({ from })} />
          <TimeFilter label={c.to} value={draft.to} change={(to) => change({ to })} />
          <NativeSelect
            size="xs"
            label={t.bucket}
            data={optionsOf(t.buckets)}
            value={draft.bucket}
            onChange={(event) =>
              change({ bucket: event.currentTarget.value === "hour" ? "hour" : "day" })
            }
          />
          <Line
            size="xs"
            label={c.type}
            maxLength={100}
            value={draft.task_type}
            onText={(task_type) => change({ task_type })}
          />
          <FunctionInput
            size="xs"
            label={c.function}
            value={draft.celery_task_name}
            onChange={(celery_task_name) => change({ celery_task_name })}
          />
          <QueueInput
            size="xs"
            label={c.queue}
            value={draft.queue}
            onChange={(queue) => change({ queue })}
          />
        </>
      )}
    </FilterForm>
  );
}
