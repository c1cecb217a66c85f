import { Button } from "@mantine/core";
import { IconInbox, IconListSearch } from "@tabler/icons-react";
import { Link } from "wouter";
import { useCan } from "../../api/session";
import type { Pages } from "../../components/Pages";
import { Empty } from "../../components/states";
import { type Filters, isEmpty } from "../../lib/address";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import type { Show } from "./useFilters";

interface Props {
  filters: Filters;
  show: Show;
  pages: Pages;
}

/** No row: there are no tasks at all, or none that match, or none on this page any more. */
export function NoTasks({ filters, show, pages }: Props) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  if (pages.number > 1) {
    return (
      <Empty
        title={t.noMore}
        icon={<IconInbox size={40} aria-hidden />}
        action={
          <Button size="xs" variant="default" onClick={pages.previous}>
            {c.previous}
          </Button>
        }
      />
    );
  }
  if (!isEmpty(filters)) {
    return (
      <Empty
        title={t.noMatch}
        icon={<IconListSearch size={40} aria-hidden />}
        action={
          <Button size="xs" variant="default" onClick={() => show({ status: [] })}>
            {t.clearFilters}
          </Button>
        }
      >
        {t.noMatchHint}
      </Empty>
    );
  }
  const create = (
    <Button size="xs" component={Link} href="/tasks/new">
      {t.newTask}
    </Button>
  );
  return (
    <Empty
      title={t.none}
      icon={<IconInbox size={40} aria-hidden />}
      action={can("tasks:write") ? create : undefined}
    >
      {t.noneHint}
    </Empty>
  );
}
