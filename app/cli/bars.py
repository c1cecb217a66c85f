"""Live bars of watched tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from app.cli.drawing import flat
from app.cli.output import STATUS_STYLES, Output

_UNFINISHED = ("running", "pending")
_FIRST = (*_UNFINISHED, "failed")
_NAME_WIDTH = 48
_MESSAGE_WIDTH = 80
Row = TypeVar("Row")


def fit(
    rows: Sequence[Row], room: int, status: Callable[[Row], str]
) -> tuple[list[Row], list[Row]]:
    """What is shown on `room` lines, and what is not.

    All in their order if they fit. Else a line is left for saying how many more there are, and
    those that run come first, then those that wait, then those that failed, each in their order.
    """
    if len(rows) <= room:
        return list(rows), []

    def rank(row: Row) -> int:
        name = status(row) or "pending"
        return _FIRST.index(name) if name in _FIRST else len(_FIRST)

    ranked = sorted(rows, key=rank)
    shown = max(room - 1, 0)
    return ranked[:shown], ranked[shown:]


class _Status(ProgressColumn):
    """The status, in its colour."""

    def render(self, task: Task) -> Text:
        status = _status(task)
        return Text(status, style=STATUS_STYLES.get(status, ""))


class Bars(Progress):
    """One live bar a task, in the order of `task_ids`."""

    def __init__(self, out: Output, task_ids: Iterable[str]) -> None:
        # Before the rest, which draws once.
        self._screen = out.console()
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(40 if self._screen.width >= 120 else 20),
            TaskProgressColumn(),
            _Status(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}", markup=False),
            console=self._screen,
            refresh_per_second=4,
        )
        self._rows = {each: self._add(each) for each in task_ids}

    def _add(self, name: str) -> TaskID:
        return self.add_task(name, total=100, status="", message="")

    def show(self, state: dict[str, Any]) -> None:
        """Move the bar of this task, making it at first sight."""
        task_id, status = state["id"], state["status"]
        if task_id not in self._rows:
            self._rows[task_id] = self._add(task_id)
        row = self._rows[task_id]
        # Of a deleted task nothing but its id is told; its name and its bar stay.
        told: dict[str, Any] = {}
        if name := state.get("name"):
            told["description"] = flat(name)[:_NAME_WIDTH]
        if (progress := state.get("progress")) is not None:
            told["completed"] = progress
        message = flat(state.get("progress_message") or "")[:_MESSAGE_WIDTH]
        self.update(row, status=status, message=message, **told)
        if status not in _UNFINISHED:
            self.stop_task(row)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars that fit on the screen, and how many more there are."""
        shown, hidden = fit(self.tasks, max(self._screen.height - 1, 2), _status)
        yield self.make_tasks_table(shown)
        if hidden:
            counts = Counter(_status(task) or "pending" for task in hidden)
            said = ", ".join(f"{count:,} {status}" for status, count in counts.items())
            yield Text(f"... {len(hidden):,} more: {said}", style="dim", no_wrap=True)


def _status(task: Task) -> str:
    return str(task.fields["status"])
