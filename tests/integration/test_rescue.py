"""Attempts that no machine speaks for any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import dispatch
from app.maintenance import prune, rescue
from tests.support.world import World


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were to be fed."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", queues.append)
    return queues


def test_attempts_whose_lease_holds_are_left_alone(world: World) -> None:
    pair = world.running(max_attempts=3)
    assert rescue.run_once(world.database, 10).counts() == {}
    assert world.report(pair, 10)


def test_a_retryable_attempt_runs_again_and_another_one_fails(
    world: World, woken: list[str]
) -> None:
    again, ended = world.running(max_attempts=2), world.running(max_attempts=1)
    for pair in (again, ended):
        world.end_lease(pair[0])
    assert rescue.run_once(world.database, 10).counts() == {"returned": 1, "ended": 1}
    assert woken == ["default"]
    assert world.row(again[0]).status == "pending"
    row = world.row(ended[0])
    assert (row.status, row.reason) == ("failed", "worker_lost")
    assert "w1 was lost" in row.error["message"]


def test_the_rescued_worker_comes_back_and_is_refused(world: World) -> None:
    pair = world.running(max_attempts=2)
    world.end_lease(pair[0])
    rescue.run_once(world.database, 10)
    assert not world.report(pair, 50)
    assert world.settle(pair) == []
    assert world.row(pair[0]).status == "pending"


def test_one_that_was_told_to_stop_is_revoked(world: World) -> None:
    pair = world.running(max_attempts=2)
    world.end_lease(pair[0])
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")
    assert rescue.run_once(world.database, 10).counts() == {"ended": 1}
    assert world.row(pair[0]).status == "revoked"


def test_a_rescue_is_bounded(world: World) -> None:
    for _ in range(5):
        world.end_lease(world.running()[0])
    assert rescue.run_once(world.database, 2).ended == 2
    assert rescue.run_once(world.database, 10).ended == 3


def test_an_attempt_outside_celery_is_rescued_alike(world: World) -> None:
    pair = world.running(worker="external:gpu", max_attempts=2)
    world.end_lease(pair[0])
    assert rescue.run_once(world.database, 10).returned == 1


def finished(world: World, days_ago: float) -> object:
    """A task that finished so long ago."""
    pair = world.running()
    world.settle(pair)
    world.force(pair[0], completed_at=world.now() - timedelta(days=days_ago))
    return pair[0]


def test_a_deletion_that_waited_for_an_attempt_is_done_by_the_sweep(world: World) -> None:
    pair = world.running()
    world.settle(pair)
    world.force(pair[0], delete_requested_at=world.now())
    assert prune.run_once(world.database, 10).deleted == 1
    assert world.gone(pair[0])


def test_retention_keeps_what_is_young_or_unfinished(world: World) -> None:
    finished(world, 1)
    world.running()
    world.add()
    assert prune.run_once(world.database, 10).tasks == 0
    assert sum(world.statuses().values()) == 3
