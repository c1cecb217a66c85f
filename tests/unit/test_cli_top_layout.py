"""The screen of `top`, as lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from app.cli.top.layout import draw
from app.cli.top.lists import share
from app.cli.top.moment import Moment
from app.cli.top.picture import Picture
from app.cli.top.view import Page, View

NOW = Moment(datetime(2030, 1, 31, 8, 0, 30, tzinfo=UTC), at=100.0)
SCOPES = ["tasks:read", "tasks:write", "queues:read", "queues:write", "workers:read"]


def queue(name: str, **more: Any) -> dict[str, Any]:
    depth = {"critical": 0, "high": 2, "normal": 12_345, "low": 1_000_000}
    return {
        "name": name, "paused": False, "depth": 5, "depth_by_priority": depth,
        "oldest_wait_seconds": 303.0, "running": 3, "scheduled": 7, "workers": 1, **more,
    }  # fmt: skip


def worker(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "live": True, "stopping": False, "catalogue_matches": True,
        "running": ["a", "b", "c"], "slots": 8, "heartbeat_at": "2030-01-31T08:00:28Z",
        "cpu_percent": 12.4, "memory_bytes": 300 * 2**20, "version": "1.1.0", **more,
    }  # fmt: skip


def running(task_id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": task_id, "name": f"export {task_id}", "queue": "default", "status": "running",
        "version": 1, "progress": 50.0, "progress_message": "half of it", "error": None,
        "started_at": "2030-01-31T08:00:00Z", **more,
    }  # fmt: skip


def failed(task_id: str, **more: Any) -> dict[str, Any]:
    error = {"type": "ValueError", "message": "no paper"}
    ended = {"status": "failed", "error": error, "completed_at": "2030-01-31T07:58:30Z"}
    return running(task_id, **ended, **more)


@pytest.fixture
def picture() -> Picture:
    me = {"email": "ada@example.org", "role": "operator", "scopes": SCOPES}
    known = Picture.of("http://localhost:8000", me)
    known.take("totals", {
        "total": 9_335, "pending": 20, "running": 3, "succeeded": 9_300, "failed": 12, "revoked": 0,
    }, 0, 1)  # fmt: skip
    known.take("queues", [queue("default"), queue("mail", paused=True)], 0, 1)
    known.take("workers", [worker("w1@here")], 0, 1)
    known.take("running", [running("a")], 0, 1)
    known.take("failed", [failed("b")], 0, 1)
    return known


def shown(picture: Picture, view: View | None = None, *, width: int = 80, height: int = 24,
          plain: bool = False) -> list[str]:  # fmt: skip
    view = view or View(picture.scopes)
    lines = [line.plain for line in draw(picture, view, width, height, NOW, plain=plain)]
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width
    return lines


def line_of(lines: list[str], part: str) -> str:
    (line,) = [line for line in lines if part in line]
    return line


def test_an_ordinary_screen_has_everything(picture: Picture) -> None:
    lines = shown(picture)
    assert lines[0].split() == [
        "taskctl", "top", "http://localhost:8000", "ada@example.org", "(operator)", "08:00:30", "UTC",
    ]  # fmt: skip
    assert lines[1].split("  ") == [
        "20 pending", "3 running", "9300 succeeded", "12 failed", "0 revoked", "3/8 slots",
    ]  # fmt: skip
    assert line_of(lines, "> default").split() == [
        ">", "default", "0", "2", "12.3k", "1.0M", "5m03", "3", "7", "1",
    ]  # fmt: skip
    shown_worker = line_of(lines, "w1@here").split()
    assert shown_worker == ["w1@here", "3", "8", "2.0s", "12%", "300M", "1.1.0"]
    assert line_of(lines, "export a").split() == [
        "export", "a", "default", "30s", "━━━━━━──────", "50%", "half", "of", "it",
    ]  # fmt: skip
    assert line_of(lines, "export b").split() == [
        "export", "b", "default", "2m00", "ValueError:", "no", "paper",
    ]  # fmt: skip
    assert "q quit" in lines[-1]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 5), (40, 10), (80, 24), (250, 80)])
def test_it_fits_on_any_terminal(picture: Picture, width: int, height: int) -> None:
    shown(picture, width=width, height=height)
    view = View(SCOPES)
    view.press("?", [])
    shown(picture, view, width=width, height=height)


def test_wide_characters_and_hostile_names_stay_in_their_cells(picture: Picture) -> None:
    names = ["数据导出" * 50, "a\nb\x1b[2Jc", "x" * 10_000]
    listed = [running(str(number), name=name) for number, name in enumerate(names)]
    picture.take("running", listed, 2, 3)
    lines = shown(picture)
    assert sum("50%" in line for line in lines) == 3
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_what_one_may_not_see_has_no_heading() -> None:
    me = {"email": "u@example.org", "role": "user", "scopes": ["tasks:read"]}
    text = "\n".join(shown(Picture.of("http://api.test", me)))
    assert ("QUEUES" in text, "HEARTBEAT" in text) == (False, False)
    assert ("nothing runs" in text, "nothing failed" in text) == (True, True)


def test_states_are_said_in_words_not_only_in_colours(picture: Picture) -> None:
    others = [worker("w2", live=False), worker("w3", stopping=True)]
    others.append(worker("w4", catalogue_matches=False))
    picture.take("workers", others, 0, 1)
    picture.take("running", [running("a", cancel_requested_at="2030-01-31T08:00:10Z")], 0, 1)
    text = "\n".join(shown(picture))
    for said in ("mail (paused)", "w2 (gone)", "w3 (stopping)", "w4 (other f", "is being cancell"):
        assert said in text, said


def test_a_lost_connection_is_said_with_its_age(picture: Picture) -> None:
    picture.lost, picture.heard_at = "All connection attempts failed", NOW.at - 12
    first = shown(picture)[0]
    assert first.startswith("The API does not answer, trying again; this is 12s old (All conn")


def test_the_selected_line_is_on_the_screen(picture: Picture) -> None:
    picture.take("running", [running(f"{number:03}") for number in range(100)], 2, 3)
    view = View(SCOPES)
    rows = [row for part in picture.rows().values() for row in part]
    for _ in range(60):
        view.press("down", rows)
    lines = shown(picture, view)
    # Two queues and a worker stand before it.
    assert line_of(lines, "> ").split()[:3] == [">", "export", "057"]
    assert line_of(lines, "of 100").startswith("  RUNNING ")


def test_a_question_stands_at_the_bottom(picture: Picture) -> None:
    view = View(SCOPES)
    rows = picture.rows()["queue"]
    view.press("p", rows)
    assert shown(picture, view)[-1] == "Pause the queue default? y/n"
    view.press("n", rows)
    assert shown(picture, view)[-1] == "Nothing was done."


def test_a_filter_is_shown(picture: Picture) -> None:
    view = View(SCOPES)
    for key in "/mail":
        view.press(key, [])
    assert shown(picture, view)[-1].startswith("/mail")
    view.press("enter", [])
    lines = shown(picture, view)
    assert lines[-1].startswith("filter mail  ")
    assert not any("export" in line for line in lines)


def test_a_page_can_be_read_to_its_end(picture: Picture) -> None:
    view = View(SCOPES)
    view.open(Page("export a", [("id", "a"), ("error", "\n".join(map(str, range(100))))]))
    lines = shown(picture, view)
    assert lines[2] == "export a"
    assert lines[4].split() == ["error", "0"]
    view.press("G", [])
    assert shown(picture, view)[-2].strip() == "99"
    view.press("k", [])
    assert shown(picture, view)[-2].strip() == "98"


def test_a_page_says_which_of_its_lines_are_shown(picture: Picture) -> None:
    view = View(SCOPES)
    view.open(Page("export a", [("error", "\n".join(map(str, range(100))))]))
    assert shown(picture, view)[-1] == "j/k move  Escape back  1-21 of 101"


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        ("one two three", ["one two", "three"]),
        ("fifteen letters", ["fifteen", "letters"]),
        ("abcdefghijklm", ["abcdefghij", "klm"]),
        ("        return 1", ["        re", "turn 1"]),
        ("数据导出 数据", ["数据导出", "数据"]),
        ("数据导出数据", ["数据导出数", "据"]),
        ("", [""]),
    ],
)
def test_a_page_is_broken_between_words(picture: Picture, value: str, pieces: list[str]) -> None:
    view = View(SCOPES)
    view.open(Page("t", [("text", value), ("end", "here")]))
    lines = shown(picture, view, width=16)
    assert [line[6:] for line in lines[3 : 3 + len(pieces)]] == pieces
    assert lines[3 + len(pieces)] == "end   here"


def test_a_narrow_terminal_has_fewer_columns_and_all_names(picture: Picture) -> None:
    text = "\n".join(shown(picture, width=50))
    for name in ("> default", "w1@here", "export a", "export b"):
        assert name in text, name
    assert "SCHEDULED" not in text
    assert "SCHEDULED" in "\n".join(shown(picture))


def test_what_is_cut_is_marked(picture: Picture) -> None:
    picture.take("failed", [failed("b", name="n" * 100)], 2, 3)
    assert "nn… default" in line_of(shown(picture), "ValueError")
    assert "nn~ default" in line_of(shown(picture, plain=True), "ValueError")


def test_parts_stand_apart_where_there_is_room(picture: Picture) -> None:
    lines = shown(picture)
    assert [lines[2], lines[lines.index(line_of(lines, "HEARTBEAT")) - 1]] == ["", ""]
    picture.take("failed", [failed(str(number)) for number in range(30)], 2, 3)
    assert "" not in shown(picture)


def test_a_traceback_of_megabytes_is_cut(picture: Picture) -> None:
    view = View(SCOPES)
    view.open(Page("t", [("traceback", "x" * 5_000_000)]))
    shown(picture, view)


def test_without_unicode_bars_are_ascii(picture: Picture) -> None:
    assert all(line.isascii() for line in shown(picture, plain=True))


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [
        ([1, 1, 1], 10, [1, 1, 1]),
        ([50, 1, 50], 10, [5, 1, 4]),
        ([3, 3], 3, [2, 1]),
        ([3, 3], 0, [0, 0]),
        ([3, 3], -2, [0, 0]),
        ([], 5, []),
    ],
)
def test_lines_are_shared_out(wanted: list[int], room: int, given: list[int]) -> None:
    assert share(wanted, room) == given
