"""What the person sees: tables and lines on stdout, remarks on stderr, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

STATUS_STYLES = {
    "pending": "yellow",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "revoked": "magenta",
    "ok": "green",
    "warning": "yellow",
    "problem": "red",
}
# Wide enough that nothing is wrapped or cut where no terminal sets a width.
PIPE_WIDTH = 4096


def clean(text: object) -> str:
    """Text that cannot steer the terminal: task names and errors come from anybody."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}"
        for char in str(text)
    )


def to_second(time: str | None) -> str | None:
    """A time of the API without what is shorter than a second."""
    return time and f"{time[:19]}Z"


class Output:
    """Where a command's answer goes."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @property
    def is_terminal(self) -> bool:
        """Whether stdout is watched by a person, who may be shown colours and moving bars."""
        return sys.stdout.isatty() and not self.as_json

    def json(self, value: Any) -> None:
        """One JSON document."""
        print(json.dumps(value, ensure_ascii=False, indent=2))

    def json_line(self, value: Any) -> None:
        """One document of several, each on its own line and delivered at once."""
        print(json.dumps(value, ensure_ascii=False), flush=True)

    def line(self, text: object) -> None:
        """A line of the answer."""
        print(clean(text), flush=True)

    def note(self, text: object) -> None:
        """A remark beside the answer, on stderr so that pipes do not carry it."""
        print(clean(text), file=sys.stderr, flush=True)

    def result(self, value: Any, text: object) -> None:
        """What came of it: as JSON, or as a line."""
        if self.as_json:
            self.json(value)
        else:
            self.line(text)

    def results(self, values: Sequence[Any], line: Callable[[Any], object]) -> None:
        """The same of several: one JSON document, or a line for each."""
        if self.as_json:
            self.json(values)
            return
        for value in values:
            self.line(line(value))

    def item(self, value: Mapping[str, Any], names: Iterable[str]) -> None:
        """One thing: as JSON, or its fields of these names."""
        if self.as_json:
            self.json(value)
        else:
            self.fields((name, value.get(name)) for name in names)

    def items(
        self,
        values: Sequence[Mapping[str, Any]],
        columns: Sequence[str],
        row: Callable[[Any], Sequence[Any]],
        *,
        none: str | None = None,
    ) -> None:
        """A list: as JSON, or a row for each; `none` is said where there is none."""
        if self.as_json:
            self.json(values)
        elif values or none is None:
            self.table(columns, map(row, values))
        else:
            self.note(none)

    def console(self) -> Console:
        """Rich on stdout: without colours and without a width limit when piped."""
        from rich.console import Console

        if sys.stdout.isatty():
            return Console(highlight=False)
        return Console(highlight=False, width=PIPE_WIDTH, no_color=True)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        numbers_from: int | None = None,
    ) -> None:
        """Aligned columns. A cell that is a status word gets its colour.

        Columns from the `numbers_from`th on (counted from 0) hold numbers and stand on the right.
        """
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            is_number = numbers_from is not None and index >= numbers_from
            table.add_column(column, overflow="fold", justify="right" if is_number else "left")
        for row in rows:
            cells = ["" if cell is None else clean(cell) for cell in row]
            table.add_row(*(Text(cell, style=STATUS_STYLES.get(cell, "")) for cell in cells))
        self.console().print(table)

    def fields(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Names and values, one pair a line; empty ones are left out."""
        shown = [(name, value) for name, value in pairs if value not in (None, "", [], {})]
        width = max((len(name) for name, _ in shown), default=0)
        console = self.console()
        for name, value in shown:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            style = STATUS_STYLES.get(text) if name == "status" else None
            label = f"{name:<{width}}  "
            console.print(label, style="bold", end="", markup=False)
            console.print(
                clean(text).replace("\n", "\n" + " " * len(label)),
                style=style,
                markup=False,
                soft_wrap=True,
            )
