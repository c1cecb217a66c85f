"""What the tests of invariants plant, and what they ask."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from app.domain.lifecycle import TaskStatus
from app.maintenance import invariants
from app.maintenance.invariants import RULES, Report, Times
from app.queries import leases
from app.queries.invariants import Margins
from tests.support.world import NOOP, QUEUE, World

# Next to no time to put things right; the looks do not really wait.
AT_ONCE = Times(
    Margins(1, 1, 1, 1), silence=30, feed=20, resend=20, take=20, forget=60, fire=1, tell=3, gone=3
)


def verify(world: World, between: Callable[[], object] = lambda: None) -> Report:
    """One run; `between` happens where it would wait for its second look."""
    return invariants.run_once(world.database, times=AT_ONCE, sleep=lambda _: between())


def broken(world: World, between: Callable[[], object] = lambda: None) -> dict[str, list[str]]:
    """What was reported: subjects by rule."""
    report = verify(world, between)
    assert {finding.rule for finding in report.findings} | set(report.held) == set(RULES)
    for finding in report.findings:
        assert len(finding.cure) > 20
        assert all(subject in finding.found for subject in finding.subjects[:5])
    return {finding.rule: finding.subjects for finding in report.findings}


def live_worker(world: World, name: str = "w1", slots: int = 2, **fields: Any) -> str:
    """A worker that its agent has just described."""
    row = {
        "name": name, "host": "h", "pid": 1, "pool": "prefork", "queues": [QUEUE],
        "slots": slots, "running": [], "version": "1", "catalogue_hash": "x", "catalogue": [NOOP],
        "cpu_percent": 0.0, "memory_bytes": 0, "stopping": False, **fields,
    }  # fmt: skip
    world.database.execute(leases.describe_worker(row))
    return name


def ago(world: World, seconds: float) -> Any:
    """A moment of the database's clock."""
    return world.now() - timedelta(seconds=seconds)


def ended(world: World, status: TaskStatus = TaskStatus.SUCCEEDED, **fields: Any) -> uuid.UUID:
    """A task with a finished attempt."""
    pair = world.running(**fields)
    world.settle(pair, status=status)
    return pair[0]
