"""What each key of `top` does."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.top.picture import Row
from app.cli.top.view import HELP, Order, Page, View


def row(kind: str, key: str, **more: Any) -> Row:
    return Row(kind, key, {"name": f"name of {key}", **more})


QUEUE = row("queue", "q", paused=False)
RUNNING = [row("running", f"r{number}") for number in range(3)]
FAILED = row("failed", "f")
ROWS = [QUEUE, *RUNNING, FAILED]


@pytest.fixture
def view() -> View:
    return View(["tasks:write", "queues:write"])


def press(view: View, *keys: str, rows: list[Row] = ROWS) -> list[Order]:
    orders = [view.press(key, rows) for key in keys]
    return [order for order in orders if order is not None]


def test_the_first_line_is_selected_at_first(view: View) -> None:
    assert view.settle(ROWS) is QUEUE
    assert view.settle([]) is None


@pytest.mark.parametrize(
    ("keys", "index"),
    [
        (["j"], 1), (["down", "down", "k"], 1), (["up"], 0), (["G"], 4), (["end", "j"], 4),
        (["G", "home"], 0), (["pagedown"], 4), (["tab"], 1), (["tab", "tab"], 4),
        (["tab", "tab", "tab"], 0),
    ],
)  # fmt: skip
def test_keys_move(view: View, keys: list[str], index: int) -> None:
    assert press(view, *keys) == []
    assert view.settle(ROWS) is ROWS[index]


def test_the_selection_stays_with_its_line(view: View) -> None:
    press(view, "j", "j")
    assert view.settle([RUNNING[1], QUEUE]) is RUNNING[1]


def test_when_the_line_is_gone_its_successor_is_selected(view: View) -> None:
    press(view, "j", "j")
    assert view.settle([QUEUE, RUNNING[0], RUNNING[2]]) is RUNNING[2]
    assert view.settle([QUEUE]) is QUEUE


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (["tab", "c"], Order("cancel", RUNNING[0])),
        (["G", "r"], Order("retry", FAILED)),
        (["p"], Order("pause", QUEUE)),
    ],
)
def test_what_changes_something_is_asked_first(view: View, keys: list[str], order: Order) -> None:
    assert press(view, *keys) == []
    assert order.row is not None
    assert order.row.name in view.asked
    assert press(view, "y") == [order]
    assert view.asked == ""


@pytest.mark.parametrize("key", ["n", "enter", "q", "escape"])
def test_any_other_key_than_y_does_nothing(view: View, key: str) -> None:
    assert press(view, "p", key, "y") == []
    assert view.message == ""
    press(view, "p", key)
    assert view.message == "Nothing was done."


def test_a_question_is_about_the_line_that_was_selected_then(view: View) -> None:
    press(view, "tab", "c")
    assert view.press("y", [QUEUE]) == Order("cancel", RUNNING[0])


def test_a_paused_queue_goes_on(view: View) -> None:
    paused = row("queue", "q", paused=True)
    assert press(view, "p", "y", rows=[paused]) == [Order("resume", paused)]


@pytest.mark.parametrize("keys", [["c"], ["r"], ["tab", "r"], ["tab", "p"], ["G", "c"]])
def test_a_key_for_another_kind_of_line_says_so(view: View, keys: list[str]) -> None:
    assert press(view, *keys, "y") == []
    press(view, keys[-1])
    assert view.message.startswith(f"{keys[-1]} is for a ")


def test_what_the_token_may_not_do_is_said() -> None:
    view = View(["tasks:read"])
    assert press(view, "p") == []
    assert "queues:write" in view.message
    assert view.asked == ""


def test_enter_shows_and_q_quits(view: View) -> None:
    assert press(view, "enter", "q") == [Order("show", QUEUE), Order("quit")]


def test_nothing_happens_where_there_are_no_lines(view: View) -> None:
    assert press(view, "j", "tab", "c", "enter", rows=[]) == []


def test_a_filter_is_typed(view: View) -> None:
    press(view, "/", "a", "q", "数", "backspace")
    assert (view.words, view.typing) == ("aq", True)
    press(view, "enter")
    assert (view.words, view.typing) == ("aq", False)
    press(view, "escape")
    assert view.words == ""
    press(view, "/", "x", "escape")
    assert (view.words, view.typing) == ("", False)


def test_a_page_is_read_and_closed(view: View) -> None:
    press(view, "?")
    assert view.page is HELP
    press(view, "j", "pagedown", "k")
    assert view.scroll == 10
    assert press(view, "q") == []
    assert view.page is None
    view.open(Page("t", []))
    assert view.scroll == 0
