"""What `top` knows: answers and events in any order give the newest state of everything."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.top.picture import FAILURES_KEPT, Picture
from app.cli.top.questions import FAILED_LIMIT, questions

ALL = ["tasks:read", "tasks:write", "queues:read", "workers:read"]


def picture(*scopes: str) -> Picture:
    me = {"email": "ada@example.org", "role": "operator", "scopes": scopes or ALL}
    return Picture.of("http://api.test", me)


def task(task_id: str, status: str = "running", version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": task_id, "name": f"name of {task_id}", "status": status, "version": version,
        "started_at": "2030-01-31T08:00:00Z", "error": None, **more,
    }  # fmt: skip


def ids(known: Picture, kind: str = "running", words: str = "") -> list[str]:
    return [row.key for row in known.rows(words)[kind]]


def test_a_token_is_asked_only_what_it_may() -> None:
    assert list(questions(ALL)) == ["totals", "queues", "workers", "running", "failed"]
    assert list(questions(["tasks:read"])) == ["totals", "running", "failed"]


def test_what_one_may_not_see_is_absent() -> None:
    known = picture("tasks:read")
    assert list(known.rows()) == ["running", "failed"]
    known = picture()
    known.take("workers", [], 0, 1)
    known.take("queues", None, 0, 1)
    assert list(known.rows()) == ["worker", "running", "failed"]


def test_running_tasks_are_shown_until_they_end() -> None:
    known = picture()
    known.hear("task", task("a"), 1)
    known.hear("task", task("b"), 1)
    known.hear("task", task("a", "succeeded", 2), 2)
    known.hear("deleted", {"id": "b"}, 3)
    assert ids(known) == []


def test_an_older_state_changes_nothing() -> None:
    known = picture()
    known.hear("task", task("a", "failed", 5, completed_at="2030"), 1)
    known.hear("task", task("a", "running", 4), 2)
    assert (ids(known), ids(known, "failed")) == ([], ["a"])


def test_a_task_that_left_is_not_brought_back_by_an_older_answer() -> None:
    known = picture()
    known.hear("task", task("a", version=3), 1)
    known.hear("task", task("a", "succeeded", 4), 2)
    known.take("running", [task("a", version=3)], 1.5, 2.5)
    assert ids(known) == []


def test_a_list_removes_what_it_does_not_have() -> None:
    known = picture()
    known.hear("task", task("a"), 1)
    known.hear("task", task("b"), 1)
    known.take("running", [task("b")], 2, 3)
    assert ids(known) == ["b"]


def test_a_list_leaves_what_was_heard_of_after_it_was_asked() -> None:
    known = picture()
    known.hear("task", task("new"), 3)
    known.take("running", [], 2, 4)
    assert ids(known) == ["new"]


def test_a_full_list_says_nothing_about_older_tasks() -> None:
    known = picture()
    known.hear("task", task("000", "failed"), 1)
    listed = [task(f"1{number:02}", "failed") for number in range(FAILED_LIMIT)]
    known.take("failed", listed, 2, 3)
    assert len(ids(known, "failed")) == FAILED_LIMIT + 1


def test_a_stream_that_begins_anew_removes_what_it_did_not_tell() -> None:
    known = picture()
    known.hear("task", task("a"), 1)
    known.hear("task", task("b"), 1)
    known.begin_stream(5)
    known.hear("task", task("b"), 6)
    assert not known.streaming
    known.hear("ready", {"count": 1}, 6)
    assert (ids(known), known.streaming) == (["b"], True)


def test_failures_do_not_gather_without_end() -> None:
    known = picture()
    for number in range(5 * FAILURES_KEPT):
        known.hear("task", task(f"{number:05}", "failed", completed_at=f"2030-{number:05}"), 1)
    kept = ids(known, "failed")
    assert FAILURES_KEPT <= len(kept) <= 2 * FAILURES_KEPT
    assert kept[0] == f"{5 * FAILURES_KEPT - 1:05}"


def test_the_longest_running_comes_first_and_the_newest_failure() -> None:
    known = picture()
    for task_id, when in (("late", "2030-01-02"), ("early", "2030-01-01")):
        known.hear("task", task(task_id, started_at=when), 1)
        known.hear("task", task(f"f-{task_id}", "failed", completed_at=when), 1)
    assert ids(known) == ["early", "late"]
    assert ids(known, "failed") == ["f-late", "f-early"]


@pytest.mark.parametrize("words", ["NAME OF A", "stock", "w1@host", "shop.count", "out of paper"])
def test_a_filter_looks_at_everything_that_names_a_task(words: str) -> None:
    known = picture()
    error = {"type": "ValueError", "message": "out of paper"}
    more: dict[str, Any] = {"queue": "stock", "worker": "w1@host", "celery_task_name": "shop.count"}
    known.hear("task", task("a", error=error, **more), 1)
    known.hear("task", task("b"), 1)
    assert ids(known, words=words) == ["a"]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    known = picture()
    assert known.rate() is None
    for at, finished in ((0, 0), (2, 100), (8, 400), (12, 420)):
        known.take("totals", {"succeeded": finished, "failed": 0, "revoked": 0}, at, at)
    assert known.rate() == pytest.approx(32)
    known.take("totals", {"succeeded": 0, "failed": 0, "revoked": 0}, 13, 13)
    assert known.rate() == 0
