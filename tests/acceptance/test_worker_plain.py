"""The same functions called as plain Celery tasks, beside tracked ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from celery import chain, chord, group

from tests.support import tasks
from tests.support.processes import wait_until
from tests.support.stack import Stack


@pytest.fixture
def plain(inside: Stack) -> Stack:
    """The running system with Celery's client in this process pointing at it."""
    from app.services.catalogue import catalogue

    catalogue()
    return inside


def test_a_plain_call_keeps_its_result(plain: Stack) -> None:
    assert tasks.add.delay(2, 3).get(timeout=15) == 5


def test_a_plain_call_makes_no_row(plain: Stack) -> None:
    before = plain.client.get("/api/v1/tasks/count").json()["total"]
    tasks.add.delay(1, 1).get(timeout=15)
    assert plain.client.get("/api/v1/tasks/count").json()["total"] == before


def test_a_chain(plain: Stack) -> None:
    assert chain(tasks.add.s(1, 2), tasks.add.s(4), tasks.add.s(5))().get(timeout=15) == 12


def test_a_group(plain: Stack) -> None:
    assert group(tasks.add.s(n, n) for n in range(5))().get(timeout=15) == [0, 2, 4, 6, 8]


def test_a_chord(plain: Stack) -> None:
    assert chord([tasks.add.s(n, 1) for n in range(5)], tasks.total.s())().get(timeout=15) == 15


def test_a_coroutine(plain: Stack) -> None:
    total: Any = tasks.add_async.delay(2, 3).get(timeout=15)
    assert total == 5


def test_an_exception_reaches_the_caller(plain: Stack) -> None:
    with pytest.raises(ValueError, match="plain"):
        tasks.fail.delay("plain").get(timeout=15)


def test_celerys_own_retry_goes_on_working(plain: Stack) -> None:
    assert tasks.retry_then_succeed.delay(2).get(timeout=20)["retries"] == 2


def test_helpers_are_harmless_in_a_plain_call(plain: Stack) -> None:
    told: dict[str, Any] = tasks.facts.delay().get(timeout=15)
    assert (told["task_id"], told["attempt"], told["is_cancelled"]) == (None, 1, False)
    assert tasks.report_progress.delay(2).get(timeout=15) == 2
    assert tasks.log_lines.delay(2).get(timeout=15) == 2


def test_a_direct_call_is_a_function_call() -> None:
    assert tasks.add(2, 3) == 5
    assert tasks.add.apply(args=(2, 3)).get() == 5


def test_a_call_that_asks_for_no_result(plain: Stack, tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    tasks.write_json.apply_async((str(path), [1, 2]), ignore_result=True)
    wait_until(lambda: path.exists() and path.read_text(), timeout=15, what="the file")
    assert json.loads(path.read_text()) == [1, 2]
