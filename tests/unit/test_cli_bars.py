"""Which watched tasks are on the screen, and in which order."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from app.cli.bars import Bars, fit
from app.cli.output import Output
from app.cli.stream import Update
from app.cli.watching import Board

IDS = [f"t{number}" for number in range(6)]


def state(task_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"id": task_id, "name": f"name of {task_id}", "status": status, "progress": 0.0, **more}


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Bars:
    console = Console(file=io.StringIO(), width=100, height=5, force_terminal=True)
    monkeypatch.setattr(Output, "console", lambda _: console)
    return Bars(Output(as_json=False), IDS)


def lines(bars: Bars) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    console.print(bars.get_renderable())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_all_that_fit_are_in_the_order_given() -> None:
    rows = ["succeeded", "pending", "running"]
    assert fit(rows, 3, str) == (rows, [])


def test_where_they_do_not_fit_the_unfinished_come_first_and_then_what_failed() -> None:
    rows = ["succeeded", "failed", "pending", "", "running", "revoked"]
    shown, hidden = fit(rows, 5, str)
    assert shown == ["running", "pending", "", "failed"]
    assert hidden == ["succeeded", "revoked"]


def test_a_line_says_how_many_more_there_are(bars: Bars) -> None:
    for task_id in IDS[:4]:
        bars.show(state(task_id, "succeeded", progress=100.0))
    bars.show(state("t4", "running", progress=40.0, progress_message="half"))
    first, second, third, more = lines(bars)
    assert ("name of t4" in first, "40%" in first, "half" in first) == (True, True, True)
    assert second.startswith("t5")
    assert third.startswith("name of t0")
    assert more == "... 3 more: 3 succeeded"


def test_a_message_of_several_lines_is_one_line(bars: Bars) -> None:
    bars.show(state("t0", "running", progress_message="a\nb"))
    assert len(lines(bars)) == 4
    assert any("a b" in line for line in lines(bars))


def test_a_deleted_task_keeps_its_name(bars: Bars) -> None:
    bars.show(state("t0", "running", progress=30.0))
    bars.show({"id": "t0", "status": "deleted"})
    assert bars.tasks[0].description == "name of t0"
    assert lines(bars)[-1] == "... 3 more: 2 pending, 1 deleted"


def test_a_result_on_a_terminal_is_told_with_the_name(
    bars: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output, "is_terminal", True)
    with Board(Output(as_json=False), IDS) as board:
        board.show(Update("t0", task=state("t0", "succeeded", result=42)))
        board.show(Update("t1", task=state("t1", "failed", error={"type": "E", "message": "m"})))
    # While bars move, Rich writes lines above them.
    assert isinstance(bars.console.file, io.StringIO)
    written = bars.console.file.getvalue()
    assert "t0  name of t0  result: 42" in written
    assert "t1  name of t1  E: m" in written
