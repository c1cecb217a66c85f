"""The life of a task, as data."""

from __future__ import annotations

import itertools

import pytest

from app.domain.lifecycle import (
    ACTIVE,
    FINISHED,
    TRANSITIONS,
    Event,
    TaskStatus,
    may,
    sources,
    target,
)


def test_every_event_has_one_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(Event)


def test_every_status_is_either_active_or_finished() -> None:
    assert set(TaskStatus) == ACTIVE | FINISHED
    assert not ACTIVE & FINISHED


def test_the_public_statuses_are_the_five_of_the_guide() -> None:
    assert [status.value for status in TaskStatus] == [
        "pending",
        "running",
        "succeeded",
        "failed",
        "revoked",
    ]


def test_finished_is_final() -> None:
    leaving = {event for event, row in TRANSITIONS.items() if row.sources & FINISHED}
    assert leaving == {Event.REMOVE}
    assert TRANSITIONS[Event.REMOVE].target is None


def test_only_a_running_task_succeeds_or_fails_by_itself() -> None:
    for event in (Event.SUCCEED, Event.FAIL, Event.RETRY, Event.STOP, Event.REPORT):
        assert TRANSITIONS[event].sources == {TaskStatus.RUNNING}


def test_every_status_can_be_reached_and_left() -> None:
    reached = {TaskStatus.PENDING}
    for _ in TaskStatus:
        for row in TRANSITIONS.values():
            if row.target is not None and row.sources & reached:
                reached.add(row.target)
    assert reached == set(TaskStatus)
    for status in TaskStatus:
        assert any(status in row.sources and row.target != status for row in TRANSITIONS.values())


@pytest.mark.parametrize(("event", "status"), list(itertools.product(Event, TaskStatus)))
def test_may_and_sources_read_the_same_table(event: Event, status: TaskStatus) -> None:
    assert may(event, status) == (status.value in sources(event))
    assert may(event, status.value) == may(event, status)


def test_the_sources_are_sorted_so_that_statements_are_cached() -> None:
    assert sources(Event.REMOVE) == ("failed", "revoked", "succeeded")


def test_removing_has_no_status_after_it() -> None:
    with pytest.raises(ValueError, match="no target"):
        target(Event.REMOVE)
    assert target(Event.CLAIM) is TaskStatus.RUNNING


def test_every_row_says_who_and_what() -> None:
    assert all(row.by and row.meaning for row in TRANSITIONS.values())
