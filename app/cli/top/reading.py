"""A page as lines: what stands beside each name, broken between words."""

from __future__ import annotations

from rich.cells import chop_cells
from rich.text import Text

from app.cli.drawing import flat
from app.cli.output import clean
from app.cli.top.view import Page

# Of a value on a page; tracebacks may be megabytes.
_LONGEST = 20_000


def page_lines(page: Page, width: int) -> list[Text]:
    """All of its lines, however many fit on the screen."""
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
