"""The screen as lines: what is known and what is selected, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.cells import chop_cells
from rich.text import Text

from app.cli.drawing import bar, flat, span
from app.cli.output import STATUS_STYLES, clean
from app.cli.top.picture import Picture, Row, flattened
from app.cli.top.view import Page, View

_BAR_WIDTH = 12
# What a column with a share has at least, before others are left out.
_LEAST_SHARED = 10
# Of a value on a page; tracebacks may be megabytes.
_LONGEST = 20_000
_KEYS = "j/k move  Enter show  c cancel  r retry  p pause  / filter  ? help  q quit"
_NOTHING = {
    "queue": "no queue",
    "worker": "no worker",
    "running": "nothing runs",
    "failed": "nothing failed",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A title, and a width in cells or a share of what the others leave."""

    title: str
    width: int = 0
    share: int = 0
    right: bool = True


_COLUMNS = {
    "queue": (
        Column("QUEUES", share=1, right=False),
        Column("CRIT", 5),
        Column("HIGH", 5),
        Column("NORMAL", 6),
        Column("LOW", 5),
        Column("OLDEST", 6),
        Column("RUNNING", 7),
        Column("SCHEDULED", 9),
        Column("WORKERS", 7),
    ),
    "worker": (
        Column("WORKERS", share=1, right=False),
        Column("RUNNING", 7),
        Column("SLOTS", 5),
        Column("HEARTBEAT", 9),
        Column("CPU", 5),
        Column("MEMORY", 6),
        Column("VERSION", 9),
    ),
    "running": (
        Column("RUNNING", share=3, right=False),
        Column("QUEUE", 10, right=False),
        Column("FOR", 6),
        Column("", _BAR_WIDTH, right=False),
        Column("", 4),
        Column("MESSAGE", share=2, right=False),
    ),
    "failed": (
        Column("FAILED", share=3, right=False),
        Column("QUEUE", 10, right=False),
        Column("AGO", 6),
        Column("ERROR", share=4, right=False),
    ),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: in UTC as the server has it, and on the clock of the picture."""

    utc: datetime
    at: float

    @classmethod
    def of(cls, picture: Picture, at: float) -> Moment:
        """The present moment of the server, as far as it has told its time."""
        return cls(datetime.now(UTC) + timedelta(seconds=picture.ahead), at)

    def since(self, time: str | None) -> str:
        """How long ago that was."""
        if time is None:
            return ""
        return span((self.utc - datetime.fromisoformat(time)).total_seconds())


def draw(
    picture: Picture, view: View, width: int, height: int, now: Moment, *, plain: bool = False
) -> list[Text]:
    """`height` lines of at most `width` cells."""
    head = [_first_line(picture, now, width), _totals(picture)]
    room = max(height - len(head) - 1, 0)
    part = ""
    if view.page is not None:
        whole = _page(view.page, width)
        view.scroll = min(view.scroll, max(len(whole) - room, 0))
        body = whole[view.scroll : view.scroll + room]
        part = f"{view.scroll + 1}-{view.scroll + len(body)} of {len(whole)}"
    else:
        body = _sections(picture, view, width, room, now, plain=plain)
    body += [Text() for _ in range(room - len(body))]
    lines = [*head, *body, _foot(view, part)][:height]
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="crop")
    return lines


# Head and foot


def _first_line(picture: Picture, now: Moment, width: int) -> Text:
    clock = f"{now.utc:%H:%M:%S} UTC"
    if picture.lost is not None:
        age = span(now.at - picture.heard_at)
        said = f"The API does not answer, trying again; this is {age} old ({flat(picture.lost)})"
        line = Text(said, style="bold red")
    else:
        line = Text("taskctl top", style="bold")
        who = f"{flat(picture.user)} ({picture.role})"
        line.append(f"  {flat(picture.url)}  {who}", style="not bold dim")
    line.align("left", max(width - len(clock) - 1, 0))
    return line.append(f" {clock}", style="not bold dim")


def _totals(picture: Picture) -> Text:
    line = Text()
    for status in STATUS_STYLES:
        if picture.totals is not None and status in picture.totals:
            count = picture.totals[status]
            style = STATUS_STYLES[status] if count else "dim"
            line.append(f"{_number(count)} {status}  ", style=style)
    if (rate := picture.rate()) is not None:
        line.append(f"{rate:,.1f}/s  ")
    if picture.workers is not None:
        live = [each for each in picture.workers if each["live"]]
        busy, slots = sum(len(each["running"]) for each in live), sum(x["slots"] for x in live)
        line.append(f"{busy}/{slots} slots")
    return line


def _foot(view: View, part: str) -> Text:
    if view.question is not None:
        return Text(f"{flat(view.asked)} y/n", style="bold yellow")
    if view.typing:
        line = Text(f"/{view.words}", style="bold")
        return line.append("  Enter keeps, Escape ends", style="not bold dim")
    if view.message:
        return Text(flat(view.message), style="bold")
    if view.page is not None:
        return Text(f"j/k move  Escape back  {part}", style="dim")
    line = Text(f"filter {view.words}  ", style="yellow") if view.words else Text()
    return line.append(_KEYS, style="dim")


# Lists


def _sections(
    picture: Picture, view: View, width: int, room: int, now: Moment, *, plain: bool
) -> list[Text]:
    rows = picture.rows(view.words)
    selected = view.settle(flattened(rows))
    wanted = [max(len(part), 1) for part in rows.values()]
    given = share(wanted, room - len(rows))
    # A line of air above each, where nothing has to give way to it.
    air = [Text()] if sum(wanted) + 2 * len(rows) <= room else []
    lines: list[Text] = []
    for (kind, part), space in zip(rows.items(), given, strict=True):
        lines += air + _section(kind, part, space, selected, width, now, plain=plain)
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


def _section(
    kind: str,
    rows: list[Row],
    room: int,
    selected: Row | None,
    width: int,
    now: Moment,
    *,
    plain: bool,
) -> list[Text]:
    columns = _fitting(_COLUMNS[kind], width)
    widths = _widths(columns, width)
    # Around the selected line, if it is one of these.
    place = next((index for index, row in enumerate(rows) if row is selected), 0)
    first = min(max(place - room // 2, 0), max(len(rows) - room, 0))
    shown = rows[first : first + room]
    titles = [Text(column.title) for column in columns]
    if len(shown) < len(rows):
        part = f"{first + 1}-{first + len(shown)} of " if shown else ""
        titles[0].append(f" {part}{len(rows)}")
    lines = [_line(titles, columns, widths, style="bold underline", plain=plain)]
    for row in shown:
        cells = _CELLS[kind](row.data, now, plain)[: len(columns)]
        style = "reverse" if row is selected else ""
        mark = row is selected
        lines.append(_line(cells, columns, widths, mark=mark, style=style, plain=plain))
    if not rows and room:
        lines.append(Text(f"  {_NOTHING[kind]}", style="dim"))
    return lines


def _fitting(columns: Sequence[Column], width: int) -> Sequence[Column]:
    """The first columns, as many as leave a name room to be told from others."""
    shared = sum(column.share > 0 for column in columns)
    if len(columns) == 1 or _left(columns, width) >= _LEAST_SHARED * shared:
        return columns
    return _fitting(columns[:-1], width)


def _left(columns: Sequence[Column], width: int) -> int:
    """What is shared: without the fixed widths, the mark, and a cell between any two."""
    return max(width - 2 - (len(columns) - 1) - sum(column.width for column in columns), 0)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """The widths of the columns."""
    left = _left(columns, width)
    shares = sum(column.share for column in columns)
    widths = [column.width or left * column.share // shares for column in columns]
    last = max(index for index, column in enumerate(columns) if column.share)
    widths[last] += left - sum(w for w, column in zip(widths, columns, strict=True) if column.share)
    return widths


def _line(
    cells: Sequence[Text],
    columns: Sequence[Column],
    widths: Sequence[int],
    *,
    mark: bool = False,
    style: str = "",
    plain: bool,
) -> Text:
    line = Text("> " if mark else "  ", style=style)
    for index, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        _cut(cell, width, plain)
        cell.align("right" if column.right else "left", width)
        line.append(" " if index else "").append_text(cell)
    return line


def _cut(cell: Text, width: int, plain: bool) -> None:
    """Make it fit; that something is missing is seen at its end."""
    if cell.cell_len > width > 0:
        cell.truncate(width - 1, overflow="crop")
        cell.rstrip()
        cell.append("~" if plain else "…")


# Cells


def _count(count: int, style: str = "") -> Text:
    return Text(_number(count), style=style if count else "dim")


def _cell(value: object, style: str = "") -> Text:
    return Text(flat(value), style=style)


def _queue(queue: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    depth, wait = queue["depth_by_priority"], queue["oldest_wait_seconds"]
    waits_in_vain = queue["depth"] and not queue["workers"]
    name = f"{queue['name']} (paused)" if queue["paused"] else queue["name"]
    return [
        _cell(name, "yellow" if queue["paused"] else ""),
        *(_count(depth[each]) for each in ("critical", "high", "normal", "low")),
        _cell("" if wait is None else span(wait)),
        _count(queue["running"]),
        _count(queue["scheduled"]),
        _cell(queue["workers"], "red" if waits_in_vain else ""),
    ]


def _worker(worker: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    name = worker["name"]
    if not worker["live"]:
        name += " (gone)"
    elif worker["stopping"]:
        name += " (stopping)"
    elif not worker["catalogue_matches"]:
        name += " (other functions)"
    return [
        _cell(name, "" if worker["live"] else "dim"),
        _count(len(worker["running"])),
        _cell(worker["slots"]),
        _cell(now.since(worker["heartbeat_at"]), "" if worker["live"] else "red"),
        _cell(f"{worker['cpu_percent']:.0f}%"),
        _cell(_size(worker["memory_bytes"])),
        _cell(worker["version"]),
    ]


def _running(task: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    percent = task["progress"] or 0.0
    full, empty = bar(percent, _BAR_WIDTH, plain=plain)
    stops = task["cancel_requested_at"] is not None
    message = "is being cancelled" if stops else task["progress_message"] or ""
    return [
        _cell(task["name"]),
        _cell(task["queue"]),
        _cell(now.since(task["started_at"])),
        Text(full, style="cyan").append(empty, style="dim"),
        _cell(f"{percent:.0f}%"),
        _cell(message, "magenta" if stops else ""),
    ]


def _failed(task: dict[str, Any], now: Moment, plain: bool) -> list[Text]:
    return [
        _cell(task["name"]),
        _cell(task["queue"]),
        _cell(now.since(task["completed_at"])),
        _cell(task["error"], "red"),
    ]


_CELLS = {"queue": _queue, "worker": _worker, "running": _running, "failed": _failed}


def _number(count: int) -> str:
    """In at most five characters: 9999, 12.3k, 4.5M."""
    if count < 10_000:
        return str(count)
    if count < 1_000_000:
        return f"{count / 1000:.1f}k" if count < 99_950 else f"{count // 1000}k"
    return f"{count / 1_000_000:.1f}M"


def _size(count: int) -> str:
    megabytes = count / 2**20
    return f"{megabytes:.0f}M" if megabytes < 10_000 else f"{megabytes / 1024:.0f}G"


# Pages


def _page(page: Page, width: int) -> list[Text]:
    lines = [Text(flat(page.title), style="bold underline")]
    label_width = max((len(name) for name, _ in page.pairs), default=0) + 2
    room = max(width - label_width, 10)
    for name, value in page.pairs:
        text = clean(value[:_LONGEST]).expandtabs(4)
        pieces = [piece for line in text.split("\n") for piece in _wrapped(line, room)]
        for number, piece in enumerate(pieces):
            label = name if number == 0 else ""
            line = Text(f"{label:<{label_width}}", style="bold")
            lines.append(line.append(piece, style="not bold"))
    return lines


def _wrapped(line: str, room: int) -> list[str]:
    """A line in pieces of at most `room` cells, broken between words if there are any."""
    pieces: list[str] = []
    while True:
        # Never the whole of a line that may be long.
        piece = (chop_cells(line[:room], room) or [""])[0]
        if len(piece) == len(line):
            return [*pieces, line]
        end = line.rfind(" ", 0, len(piece) + 1)
        if not line[: max(end, 0)].strip():
            end = len(piece)
        pieces.append(line[:end])
        line = line[end:].removeprefix(" ")
