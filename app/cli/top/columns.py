"""Cells side by side: which columns fit, how wide they are, and lines of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

# What a column with a share has at least, before others are left out.
_LEAST_SHARED = 10
# What stands before the first column.
_MARK, _NO_MARK = "> ", "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A title, and a width in cells or a share of what the others leave."""

    title: str
    width: int = 0
    share: int = 0
    right: bool = True


class Table:
    """The first of the columns, as many as leave a name room to be told from others."""

    def __init__(self, columns: Sequence[Column], width: int, *, plain: bool) -> None:
        self._columns = _fitting(columns, width)
        self._widths = _widths(self._columns, width)
        self._cut_off = "~" if plain else "…"

    def heading(self, part: str) -> Text:
        """The titles, and behind the first one which part is shown."""
        titles = [Text(column.title) for column in self._columns]
        titles[0].append(part)
        return self._line(_NO_MARK, titles, "bold underline")

    def row(self, cells: Sequence[Text], *, selected: bool) -> Text:
        """A line of cells; those of columns that are left out are left out as well."""
        mark, style = (_MARK, "reverse") if selected else (_NO_MARK, "")
        return self._line(mark, cells[: len(self._columns)], style)

    def _line(self, mark: str, cells: Sequence[Text], style: str) -> Text:
        line = Text(mark, style=style)
        placed = zip(cells, self._columns, self._widths, strict=True)
        for index, (cell, column, width) in enumerate(placed):
            self._cut(cell, width)
            cell.align("right" if column.right else "left", width)
            line.append(" " if index else "").append_text(cell)
        return line

    def _cut(self, cell: Text, width: int) -> None:
        """Make it fit; that something is missing is seen at its end."""
        if cell.cell_len > width > 0:
            cell.truncate(width - 1, overflow="crop")
            cell.rstrip()
            cell.append(self._cut_off)


def _fitting(columns: Sequence[Column], width: int) -> Sequence[Column]:
    shared = sum(column.share > 0 for column in columns)
    if len(columns) == 1 or _left(columns, width) >= _LEAST_SHARED * shared:
        return columns
    return _fitting(columns[:-1], width)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    left = _left(columns, width)
    shares = sum(column.share for column in columns)
    widths = [column.width or left * column.share // shares for column in columns]
    last = max(index for index, column in enumerate(columns) if column.share)
    widths[last] += left - sum(w for w, column in zip(widths, columns, strict=True) if column.share)
    return widths


def _left(columns: Sequence[Column], width: int) -> int:
    """What is shared: without the fixed widths, the mark, and a cell between any two."""
    fixed = sum(column.width for column in columns)
    return max(width - len(_NO_MARK) - (len(columns) - 1) - fixed, 0)
