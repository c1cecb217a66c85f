"""Retention by a worker's agent."""

from __future__ import annotations

from app.maintenance.retention import BATCH
from tests.support.old import long_finished
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.world import World


def test_a_worker_removes_batch_after_batch_without_waiting_for_a_minute(inside: Stack) -> None:
    world = World()
    inside.stop_part("worker")  # its agent may just have begun to wait
    old = long_finished(world, 2 * BATCH + 1, days=30.5)
    inside.heal()
    try:
        wait_until(
            lambda: all(world.gone(each) for each in (old[0], old[-1])),
            timeout=40, what="all of them are gone",
        )  # fmt: skip
    finally:
        world.close()
