"""Whom the death of a process is charged to, and what that costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.lifecycle import Reason
from app.maintenance import rescue
from app.services import attempts
from tests.support.world import Pair, World


def _running(world: World, seconds_ago: float = 0.0, **fields: Any) -> Pair:
    pair = world.running(**{"max_attempts": 9, **fields})
    world.force(pair[0], started_at=world.now() - timedelta(seconds=seconds_ago))
    return pair


def test_alone_it_was_the_cause(world: World) -> None:
    pair = _running(world)
    assert attempts.blame(world.database, [pair]) == {pair[1]: attempts.Blame("crash")}


def test_of_several_each_is_a_suspect_and_they_take_turns_the_youngest_first(world: World) -> None:
    old, young = _running(world, seconds_ago=10), _running(world, seconds_ago=2)
    blamed = attempts.blame(world.database, [old, young])
    assert {blame.cause for blame in blamed.values()} == {"suspect"}
    assert blamed[young[1]].wait_seconds == 0
    turn = blamed[old[1]].wait_seconds - attempts.TURN_SECONDS
    assert 2 < turn < 6  # the turn of the young one


def test_who_was_there_at_most_deaths_is_the_only_suspect(world: World) -> None:
    first = _running(world)
    again = _running(world, crash_count=1)
    blamed = attempts.blame(world.database, [first, again])
    assert blamed[first[1]].cause == "neighbour"
    assert blamed[again[1]].cause == "suspect"


def test_nobody_waits_for_long(world: World) -> None:
    pairs = [_running(world, seconds_ago=100 * n) for n in range(4)]
    waits = [blame.wait_seconds for blame in attempts.blame(world.database, pairs).values()]
    assert max(waits) == attempts.LONGEST_WAIT_SECONDS


def test_what_has_ended_meanwhile_is_blamed_for_nothing(world: World) -> None:
    gone, there = _running(world), _running(world)
    attempts.fail(world.database, gone, reason=Reason.TIMEOUT, error={})
    assert set(attempts.blame(world.database, [gone, there])) == {there[1]}


@pytest.mark.parametrize(
    ("workers", "spent"),
    [
        (("worker-1@host", "worker-1@host"), 0),
        (("worker-1_1@host", "worker-1_2.3@host"), 0),
        (("worker-1@host", "worker-2@host"), 1),
        (("external:somebody", "external:somebody"), 1),
    ],
)
def test_rescue_takes_the_attempts_of_one_worker_as_one_death(
    world: World, workers: tuple[str, str], spent: int
) -> None:
    pairs = [_running(world), _running(world)]
    for (task_id, _), worker in zip(pairs, workers, strict=True):
        world.force(task_id, worker=worker)
        world.end_lease(task_id)
    rescue.run_once(world.database, 10)
    rows = [world.row(task_id) for task_id, _ in pairs]
    assert [(row.status, row.tries, row.crash_count) for row in rows] == [("pending", spent, 1)] * 2
