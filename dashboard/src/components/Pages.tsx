/** Lists that are shown page by page, each page known by the cursor of the one before it. */
import { Button, Group, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useRef } from "react";
import { common } from "../text/common";
import { useText } from "../text/language";
import type { Sheet } from "./sheet";
import { Answer, Empty, Failed } from "./states";
import { useStateOf } from "./useStateOf";

const NONE: readonly string[] = [];

export interface Pages {
  /** Of the page that is shown; null of the first. */
  readonly cursor: string | null;
  /** 1 of the first. */
  readonly number: number;
  readonly next: (cursor: string) => void;
  readonly previous: () => void;
}

/** Where one is in a list. The way back is kept; another `question` begins at the first page. */
export function usePages(question: string): Pages {
  const [cursors, setCursors] = useStateOf(question, NONE);
  return {
    cursor: cursors.at(-1) ?? null,
    number: cursors.length + 1,
    next: (cursor) => setCursors([...cursors, cursor]),
    previous: () => setCursors(cursors.slice(0, -1)),
  };
}

interface ButtonsProps {
  pages: Pages;
  /** The cursor of the next page; null on the last one. */
  next: string | null;
  /** The page that was gone to is on its way. */
  busy?: boolean;
}

/** To the page before and to the next one; nothing where there is only one. Put it below its list. */
export function PageButtons({ pages, next, busy = false }: ButtonsProps) {
  const t = useText(common);
  const buttons = useRef<HTMLDivElement>(null);
  function go(to: () => void) {
    // Not disabled while busy: a button that is disabled loses the focus.
    if (busy) return;
    to();
    showTop(buttons.current?.previousElementSibling);
  }

  if (!busy && pages.number === 1 && next === null) return null;
  return (
    <Group ref={buttons} gap="xs" justify="flex-end">
      <Button
        size="xs"
        variant="default"
        disabled={pages.number === 1}
        onClick={() => go(pages.previous)}
        leftSection={<IconChevronLeft size={14} aria-hidden />}
      >
        {t.previous}
      </Button>
      <Text size="sm" miw={32} ta="center" aria-live="polite">
        {pages.number}
      </Text>
      <Button
        size="xs"
        variant="default"
        disabled={next === null}
        onClick={() => go(() => next !== null && pages.next(next))}
        rightSection={<IconChevronRight size={14} aria-hidden />}
      >
        {t.next}
      </Button>
    </Group>
  );
}

/** A page is read from its first row on; a list whose top can be seen stays where it is. */
function showTop(list: Element | null | undefined): void {
  if (list && list.getBoundingClientRect().top < 0) list.scrollIntoView({ block: "start" });
}

interface ListProps<Row> {
  query: UseQueryResult<Sheet<Row>>;
  pages: Pages;
  /** Instead of a list that has nothing. */
  empty: ReactNode;
  lines?: number;
  children: (rows: readonly Row[]) => ReactNode;
}

/** A page of a list, or that there is nothing, and the way to the other pages. */
export function PagedList<Row>({ query, pages, empty, lines, children }: ListProps<Row>) {
  const t = useText(common);
  const nothing = pages.number === 1 ? empty : <Empty title={t.none} />;
  return (
    <Answer query={query} lines={lines}>
      {({ rows, next }) => (
        <>
          {/* What is shown may be old by now. */}
          {query.isError && <Failed error={query.error} again={() => void query.refetch()} />}
          {rows.length > 0 ? children(rows) : nothing}
          <PageButtons pages={pages} next={next} busy={query.isPlaceholderData} />
        </>
      )}
    </Answer>
  );
}
