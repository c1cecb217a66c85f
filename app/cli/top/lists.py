"""The lists of a picture, one below the other, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from app.cli.top.columns import Table
from app.cli.top.kinds import KINDS, Kind
from app.cli.top.moment import Moment
from app.cli.top.picture import Picture, Row, flattened
from app.cli.top.view import View


def list_lines(
    picture: Picture, view: View, width: int, room: int, now: Moment, *, plain: bool
) -> list[Text]:
    """At most `room` lines; the selected one is among them."""
    rows = picture.rows(view.words)
    selected = view.settle(flattened(rows))
    wanted = [max(len(part), 1) for part in rows.values()]
    given = share(wanted, room - len(rows))
    # A line of air above each, where nothing has to give way to it.
    air = [Text()] if sum(wanted) + 2 * len(rows) <= room else []
    lines: list[Text] = []
    for (name, part), space in zip(rows.items(), given, strict=True):
        table = Table(KINDS[name].columns, width, plain=plain)
        lines += air + _list(KINDS[name], table, part, space, selected, now, plain=plain)
    return lines[: max(room, 0)]


def share(wanted: Sequence[int], room: int) -> list[int]:
    """`room` lines dealt out one by one to those that still want some."""
    given = [0] * len(wanted)
    while room > 0 and given != list(wanted):
        for index, most in enumerate(wanted):
            if given[index] < most and room > 0:
                given[index] += 1
                room -= 1
    return given


def _list(
    kind: Kind,
    table: Table,
    rows: Sequence[Row],
    room: int,
    selected: Row | None,
    now: Moment,
    *,
    plain: bool,
) -> list[Text]:
    # Around the selected line, if it is one of these.
    place = next((index for index, row in enumerate(rows) if row is selected), 0)
    first = min(max(place - room // 2, 0), max(len(rows) - room, 0))
    shown = rows[first : first + room]
    lines = [table.heading(_part(first, len(shown), len(rows)))]
    for row in shown:
        cells = kind.cells(row.data, now, plain)
        lines.append(table.row(cells, selected=row is selected))
    if not rows and room:
        lines.append(Text(f"  {kind.nothing}", style="dim"))
    return lines


def _part(first: int, shown: int, of: int) -> str:
    """Which lines are shown, where that is not all."""
    if shown == of:
        return ""
    return f" {first + 1}-{first + shown} of {of}" if shown else f" {of}"
