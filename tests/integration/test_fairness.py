"""Owners: one who floods a queue does not keep the others waiting."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select, update

from app.core.config import get_settings
from app.domain.rank import Priority
from app.models import Task
from app.queries import feed
from app.queries.intake import insert_drafts
from app.services.building import NewTask, draft
from app.services.catalogue import catalogue
from tests.support.world import NOOP, World

LOW, NORMAL, HIGH, CRITICAL = Priority
WINDOW = 16
FLOODER, OTHER, THIRD = (uuid.UUID(int=number) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def window(world: World) -> None:
    """A small one."""
    world.set_window(WINDOW)


def flood(world: World, count: int, owner: uuid.UUID | None = FLOODER, **fields: Any) -> None:
    """Very many at once, as a bulk request submits them."""
    given: dict[str, Any] = {"name": "n", "task_type": "t", "celery_task_name": NOOP, **fields}
    rows = [draft(NewTask(**given, user_id=owner), catalogue()) for _ in range(count)]
    statement = insert_drafts(tuple(rows[0]), get_settings().ageing_seconds)
    world.database.execute(statement, {"rows": rows})


def feed_all(world: World) -> None:
    """As the feeder does: again while there is more to see."""
    while world.feed().again_seconds == 0:
        pass


def run(world: World, count: int) -> list[uuid.UUID | None]:
    """Workers take and finish this many, oldest hint first; whose they were."""
    owners: list[uuid.UUID | None] = []
    for level in sorted(Priority, reverse=True):
        for hint in world.hints(level):
            if len(owners) == count:
                return owners
            for row in world.claim((hint.task_id, hint.celery_id)):
                world.settle((row.id, row.celery_id))
                owners.append(world.row(row.id).user_id)
    return owners


@pytest.mark.parametrize("owner", [OTHER, None])
def test_a_task_behind_ten_thousand_of_another_owner_waits_for_a_window(
    world: World, owner: uuid.UUID | None
) -> None:
    """The bound: what is in the broker when it comes, however many wait."""
    flood(world, 10_000)
    feed_all(world)
    task_id = world.add(user_id=owner)
    run(world, 1)
    feed_all(world)
    assert world.row(task_id).dispatched_at is not None
    assert run(world, WINDOW)[-1] == owner


def test_a_task_that_waits_already_is_found_behind_a_flood(world: World) -> None:
    flood(world, 3000)
    task_id = world.add(user_id=OTHER)
    feed_all(world)
    assert world.row(task_id).dispatched_at is not None


def test_a_task_behind_many_who_flood_gets_the_next_place(world: World) -> None:
    """None of them has much of the window, and together they have all of it."""
    floods = [uuid.UUID(int=number) for number in range(10, 18)]
    for _ in range(10):
        for owner in floods:
            flood(world, 8, owner)
    feed_all(world)
    run(world, WINDOW // 2)
    feed_all(world)
    task_id = world.add(user_id=OTHER)
    run(world, 1)
    feed_all(world)
    assert world.row(task_id).dispatched_at is not None


def test_owners_who_flood_take_turns(world: World) -> None:
    flood(world, 300)
    flood(world, 300, OTHER)
    flood(world, 300, THIRD)
    done: Counter[uuid.UUID | None] = Counter()
    for _ in range(12):
        feed_all(world)
        done.update(run(world, 4))
    assert sum(done.values()) == 48
    assert all(done[owner] >= 12 for owner in (FLOODER, OTHER, THIRD))


def test_priorities_come_before_turns(world: World) -> None:
    flood(world, 300, priority=HIGH)
    low = world.add(user_id=OTHER, priority=NORMAL)
    feed_all(world)
    assert world.levels() == {"HIGH": WINDOW}
    assert world.row(low).dispatched_at is None


def test_a_critical_task_of_the_flooder_passes_his_own(world: World) -> None:
    flood(world, 300)
    world.add(user_id=OTHER)
    feed_all(world)
    urgent = world.add(user_id=FLOODER, priority=CRITICAL)
    feed_all(world)
    assert [hint.task_id for hint in world.hints(CRITICAL)] == [urgent]


def test_what_was_passed_over_keeps_its_order_and_ages(world: World) -> None:
    flood(world, 100)
    world.add(user_id=OTHER)
    feed_all(world)
    parked = world.database.execute(
        select(Task.id).where(Task.lane != "").order_by(Task.rank, Task.id)
    ).column()
    hour = round(get_settings().ageing_seconds * 1_000_000)
    aged = update(Task).where(Task.id == parked[-1]).values(rank=Task.rank - hour)
    world.database.execute(aged)
    feed_all(world)
    assert [hint.task_id for hint in world.hints(HIGH)] == [parked[-1]]
    run(world, WINDOW + 2)
    feed_all(world)
    assert [hint.task_id for hint in world.hints()][-WINDOW:] == parked[:WINDOW]


def test_nothing_is_passed_over_while_an_owner_is_alone(world: World) -> None:
    flood(world, 300)
    feed_all(world)
    lanes = world.database.execute(select(Task.lane).distinct()).column()
    assert lanes == [""]


def test_a_queue_is_fed_as_before_when_the_flood_is_over(world: World) -> None:
    flood(world, 60)
    world.add(user_id=OTHER)
    for _ in range(8):
        feed_all(world)
        run(world, WINDOW)
    world.add(user_id=OTHER)
    world.feed()
    with world.database.transaction() as connection:
        row = connection.execute(feed.lock_queue(), {"queue_name": "default"}).one()
    assert row.regulated is False
