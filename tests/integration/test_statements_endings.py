"""What follows an attempt that did not simply finish: another one, a failure, a stop."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from app.domain.lifecycle import Reason, TaskStatus
from app.domain.retry import MAX_CRASHES
from app.services import attempts
from app.services.attempts import LostTo, Settled
from tests.support.world import Pair, World

ERROR = {"type": "E", "message": "m", "traceback": None, "attempt": 1}


def give_back(
    world: World,
    pair: Pair,
    wait: float = 0.0,
    spend_try: bool = True,
    crashed: bool = False,
    lease_over: bool = False,
) -> Settled | None:
    return attempts.give_back(
        world.database,
        pair,
        wait_seconds=wait,
        reason=Reason.RETRY,
        error=ERROR,
        spend_try=spend_try,
        crashed=crashed,
        lease_over=lease_over,
    )


def lose(world: World, pair: Pair, cause: LostTo, *, lease_over: bool = False) -> Settled | None:
    return attempts.lose(world.database, pair, cause, "it is gone", lease_over=lease_over)


def again(world: World, task_id: uuid.UUID) -> Pair:
    """The next attempt of a task that was given back, whatever it waits for."""
    world.force(task_id, rank=1)
    world.mark(task_id)
    pair = world.pair(task_id)
    assert len(world.claim(pair)) == 1
    return pair


def ask_to_stop(world: World, pair: Pair) -> None:
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")


def test_giving_back_keeps_the_attempt_and_mints_a_new_id(world: World) -> None:
    pair = world.running(max_attempts=3)
    settled = give_back(world, pair)
    assert settled == Settled(pair[0], "pending", "default")
    row = world.row(pair[0])
    assert (row.status, row.attempt, row.tries, row.dispatched_at) == ("pending", 1, 1, None)
    assert row.celery_id != pair[1]
    assert row.rank is not None
    (ended,) = world.history(pair[0])
    assert (ended.attempt, ended.celery_id, ended.outcome) == (1, pair[1], "retry")
    assert ended.error == ERROR
    assert ended.started_at <= ended.ended_at


def test_a_retry_waits_in_a_column(world: World) -> None:
    pair = world.running(max_attempts=3)
    give_back(world, pair, wait=60)
    row = world.row(pair[0])
    assert row.rank is None
    assert timedelta(seconds=55) < row.ready_at - world.now() < timedelta(seconds=61)
    assert abs(row.scheduled_at - row.ready_at) < timedelta(seconds=1)


def test_the_superseded_attempt_can_write_nothing_more(world: World) -> None:
    old = world.running(max_attempts=3)
    give_back(world, old)
    new = again(world, old[0])
    assert new[1] != old[1]
    before = world.row(old[0])
    assert world.settle(old) == []
    assert not world.report(old, 99)
    assert give_back(world, old) is None
    assert attempts.fail(world.database, old, reason=Reason.TIMEOUT, error=ERROR) is None
    assert lose(world, old, "crash") is None
    assert tuple(world.row(old[0])) == tuple(before)
    assert len(world.settle(new)) == 1


def test_giving_back_with_a_requested_cancel_revokes(world: World) -> None:
    pair = world.running(max_attempts=3)
    ask_to_stop(world, pair)
    settled = give_back(world, pair)
    assert settled is not None
    assert settled.status == "revoked"
    row = world.row(pair[0])
    assert row.reason == "cancelled"
    assert row.completed_at is not None
    assert world.history(pair[0]) == []


def test_an_interruption_spends_no_try(world: World) -> None:
    pair = world.running(max_attempts=3)
    give_back(world, pair, spend_try=False)
    row = world.row(pair[0])
    assert (row.attempt, row.tries) == (1, 0)


def test_new_arguments_of_a_retry_replace_the_old_ones(world: World) -> None:
    pair = world.running(function="tests.support.tasks.add", args=[1, 2], max_attempts=3)
    attempts.give_back(
        world.database,
        pair,
        wait_seconds=0,
        reason=Reason.RETRY,
        error=None,
        arguments=([3, 4], {}),
    )
    assert world.row(pair[0]).args == [3, 4]


def test_a_new_attempt_starts_with_no_progress_and_no_error(world: World) -> None:
    pair = world.running(max_attempts=3)
    world.report(pair, 70, "nearly")
    give_back(world, pair)
    assert world.row(pair[0]).error == ERROR
    again(world, pair[0])
    row = world.row(pair[0])
    assert (row.progress, row.progress_message, row.error, row.attempt) == (0, None, None, 2)


def test_a_fallen_attempt_fails_while_it_runs_and_only_then(world: World) -> None:
    pair = world.running()
    settled = attempts.fail(world.database, pair, reason=Reason.TIMEOUT, error=ERROR)
    assert settled is not None
    assert settled.status == "failed"
    row = world.row(pair[0])
    assert (row.reason, row.error, row.lease_until) == ("timeout", ERROR, None)
    assert attempts.fail(world.database, pair, reason=Reason.TIMEOUT, error=ERROR) is None


@pytest.mark.parametrize(
    ("cause", "fields", "status", "reason", "tries", "crashes"),
    [
        ("crash", {"max_attempts": 1}, "failed", "worker_lost", 1, 1),
        ("crash", {"max_attempts": 2}, "pending", "worker_lost", 1, 1),
        ("memory", {"max_attempts": 1}, "failed", "memory_limit", 1, 1),
        ("memory", {"max_attempts": 2}, "pending", "memory_limit", 1, 1),
        ("timeout", {"max_attempts": 1}, "failed", "timeout", 1, 0),
        ("timeout", {"max_attempts": 2}, "pending", "timeout", 1, 0),
        ("interrupt", {"requeue_on_interrupt": False}, "failed", "interrupted", 1, 0),
        ("interrupt", {"requeue_on_interrupt": True}, "failed", "interrupted", 1, 0),
        (
            "interrupt",
            {"requeue_on_interrupt": True, "max_attempts": 2},
            "pending",
            "interrupted",
            0,
            0,
        ),
        ("suspect", {"max_attempts": 1}, "failed", "worker_lost", 1, 1),
        ("suspect", {"max_attempts": 2}, "pending", "worker_lost", 0, 1),
        ("neighbour", {"max_attempts": 1}, "failed", "worker_lost", 1, 0),
        ("neighbour", {"max_attempts": 2}, "pending", "interrupted", 0, 0),
        ("neighbour", {"max_attempts": 9, "crash_count": 2}, "pending", "interrupted", 0, 2),
    ],
)
def test_a_lost_attempt_goes_on_by_the_policy_in_its_row(
    world: World,
    cause: LostTo,
    fields: dict[str, Any],
    status: str,
    reason: str,
    tries: int,
    crashes: int,
) -> None:
    pair = world.running(**fields)
    settled = lose(world, pair, cause)
    assert settled is not None
    assert settled.status == status
    row = world.row(pair[0])
    assert (row.status, row.reason) == (status, reason)
    assert (row.tries, row.crash_count) == (tries, crashes)
    assert row.error["message"] == "it is gone"
    assert len(world.history(pair[0])) == (status == "pending")


@pytest.mark.parametrize("cause", ["crash", "timeout", "interrupt", "memory", "stop"])
def test_a_lost_attempt_that_was_to_stop_is_revoked(world: World, cause: LostTo) -> None:
    pair = world.running(max_attempts=5)
    ask_to_stop(world, pair)
    settled = lose(world, pair, cause)
    assert settled is not None
    assert settled.status == "revoked"
    row = world.row(pair[0])
    assert (row.reason, row.stopped_by) == ("cancelled", "forced")


def test_the_third_crash_quarantines(world: World) -> None:
    pair = world.running(max_attempts=10)
    for crash in range(1, MAX_CRASHES):
        settled = lose(world, pair, "crash")
        assert settled is not None
        assert (settled.status, world.row(pair[0]).crash_count) == ("pending", crash)
        pair = again(world, pair[0])
    lose(world, pair, "crash")
    row = world.row(pair[0])
    assert (row.status, row.reason, row.crash_count) == ("failed", "quarantined", MAX_CRASHES)
    assert row.tries == MAX_CRASHES
    assert "quarantined after 3 crashes" in row.error["message"]


@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("max_attempts", [1, 3])
def test_a_rescue_leaves_an_attempt_whose_lease_holds(
    world: World, stopping: bool, max_attempts: int
) -> None:
    pair = world.running(max_attempts=max_attempts)
    if stopping:
        ask_to_stop(world, pair)
    assert lose(world, pair, "crash", lease_over=True) is None
    world.end_lease(pair[0])
    assert lose(world, pair, "crash", lease_over=True) is not None


@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("max_attempts", [1, 3])
def test_a_renewal_between_reading_and_writing_stops_the_rescue(
    world: World, monkeypatch: pytest.MonkeyPatch, stopping: bool, max_attempts: int
) -> None:
    pair = world.running(max_attempts=max_attempts)
    if stopping:
        ask_to_stop(world, pair)
    world.end_lease(pair[0])
    for name in ("fail", "give_back", "settle"):
        # The worker comes back at the last moment, just before the writing step.
        after_renewal(world, monkeypatch, name, pair)
    assert lose(world, pair, "crash", lease_over=True) is None
    assert world.row(pair[0]).status == TaskStatus.RUNNING


def after_renewal(world: World, monkeypatch: pytest.MonkeyPatch, name: str, pair: Pair) -> None:
    original = getattr(attempts, name)

    def renewed_first(*args: object, **kwargs: object) -> object:
        world.force(pair[0], lease_until=world.now() + timedelta(seconds=30))
        return original(*args, **kwargs)

    monkeypatch.setattr(attempts, name, renewed_first)


@pytest.mark.parametrize("how", ["settle", "lose", "give_back"])
def test_a_task_to_be_deleted_goes_when_its_attempt_ends(world: World, how: str) -> None:
    pair = world.running(max_attempts=3)
    world.force(pair[0], delete_requested_at=world.now())
    ask_to_stop(world, pair)
    if how == "settle":
        (settled,) = world.settle(pair)
    else:
        ended = lose(world, pair, "crash") if how == "lose" else give_back(world, pair)
        assert ended is not None
        settled = ended
    assert settled.deleted
    assert world.gone(pair[0])
