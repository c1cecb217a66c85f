"""Limits: never more handed out than they let, in whatever queue, whoever feeds."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from typing import Any

import pytest

from app.core.config import Settings
from app.db.session import Database
from app.dispatch import Dispatcher
from app.domain.lifecycle import TaskStatus
from app.domain.rank import Priority
from app.queries import limits
from app.services import attempts
from tests.support.world import NOOP, World

LANE = "tests.support.tasks.in_lane"
LOW, NORMAL, HIGH, CRITICAL = Priority


def limit(
    world: World, kind: str, name: str, concurrency: int | None = None, rate: Any = (None, None)
) -> None:
    """As a request does it, without the request."""
    with world.database.transaction() as connection:
        connection.execute(limits.lock_queues())
        count, seconds = rate
        statement = limits.put(
            kind,
            name,
            concurrency=concurrency,
            rate_count=count,
            rate_seconds=seconds,
            by="op@example.org",
        )
        connection.execute(statement)
        connection.execute(limits.regulate_all())


def start_all(world: World) -> list[Any]:
    """Claim what was handed out."""
    pairs = [(hint.task_id, hint.celery_id) for hint in world.hints()]
    return [row for pair in pairs for row in world.claim(pair)]


def lanes(world: World, ids: list[uuid.UUID]) -> set[str]:
    return {world.row(task_id).lane for task_id in ids}


@pytest.mark.parametrize(("kind", "name"), [("queue", "default"), ("task", NOOP), ("key", "k")])
def test_no_more_are_out_than_a_limit_lets(world: World, kind: str, name: str) -> None:
    limit(world, kind, name, 3)
    ids = world.add_many(8, limit_key="k")
    assert world.feed().rows == 3
    assert world.feed().rows == 0
    running = start_all(world)
    assert world.feed().rows == 0  # those that run count as well
    world.settle((running[0].id, running[0].celery_id))
    assert world.feed().rows == 1
    assert [hint.task_id for hint in world.hints()] == ids[:4]
