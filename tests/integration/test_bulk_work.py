"""Batches of bulk operations: each counts once, whoever does them, and whatever stops them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.bulk import BulkAction
from app.maintenance import operations, prune
from app.models import BulkItem, BulkOperation, Task
from app.queries import tasks
from app.services import bulk_operations, bulk_work
from app.services.bulk_operations import Order
from app.services.retrying import retry_each
from app.services.uniqueness import contended
from tests.support.databases import on_postgresql
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")
SOMEBODY = uuid.uuid4()


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation is left to the agents."""
    monkeypatch.setattr(bulk_operations, "MAX_AT_ONCE", 0)


async def ordered(action: BulkAction, *ids: uuid.UUID) -> uuid.UUID:
    order = Order(action, SOMEBODY, None, ids=list(ids))
    operation, _ = await bulk_operations.give(order)
    return operation.id


def ended(world: World, count: int) -> list[uuid.UUID]:
    ids = world.add_many(count)
    for task_id in ids:
        world.force(task_id, status="failed", completed_at=world.now())
    return ids


def operation(world: World, operation_id: uuid.UUID) -> BulkOperation:
    found = select(*BulkOperation.__table__.columns).where(BulkOperation.id == operation_id)
    return world.database.execute(found).one()  # type: ignore[return-value]


def retried(world: World) -> list[uuid.UUID]:
    return world.database.execute(
        select(Task.retry_of).where(Task.retry_of.is_not(None)).order_by(Task.id)
    ).column()


async def test_several_who_work_on_one_do_nothing_twice(world: World) -> None:
    ids = ended(world, 24)
    made = await ordered(BulkAction.RETRY, *ids)

    async def work() -> int:
        done = 0
        while count := await bulk_work.advance(made, 5):
            done += count
        return done

    assert sum(await asyncio.gather(*(work() for _ in range(3)))) == 24
    assert retried(world) == ids
    assert operation(world, made).outcomes == {"retried": 24}


async def test_a_batch_that_is_cut_off_leaves_nothing_and_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ended(world, 6)
    made = await ordered(BulkAction.RETRY, *ids)
    assert await bulk_work.advance(made, 3) == 3

    async def cut_off(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(bulk_work, "_keep", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await bulk_work.advance(made, 3)
    assert (retried(world), operation(world, made).done) == (ids[:3], 3)
    assert await bulk_work.advance(made, 3) == 3
    assert (retried(world), operation(world, made).status) == (ids, "finished")


@on_postgresql
async def test_a_batch_does_not_wait_for_a_row_while_it_holds_others(world: World) -> None:
    ids = world.add_many(3)
    made = await ordered(BulkAction.CANCEL, *ids)
    with world.database.transaction() as connection:
        connection.execute(tasks.hold(ids[1:2]))
        assert await bulk_work.advance(made) == 1
        assert world.statuses() == {"revoked": 1, "pending": 2}
    assert await bulk_work.advance(made) == 2
    assert operation(world, made).outcomes == {"revoked": 3}


async def test_a_unique_key_that_is_taken_at_that_moment_ends_no_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ended(world, 2)
    made = await ordered(BulkAction.RETRY, *ids)
    calls: list[int] = []

    async def contended_once(db: AsyncSession, ids: Sequence[uuid.UUID], **named: Any) -> Any:
        calls.append(len(ids))
        if len(calls) == 1:
            raise contended()
        return await retry_each(db, ids, **named)

    monkeypatch.setattr(bulk_work, "retry_each", contended_once)
    assert [await bulk_work.advance(made) for _ in range(3)] == [1, 1, 0]
    assert (retried(world), calls) == (ids, [2, 1, 1])


async def test_a_large_one_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    several = [await ordered(BulkAction.CANCEL, *world.add_many(3)) for _ in range(3)]
    broken = several[0]
    real = bulk_work.advance

    async def advance(operation_id: uuid.UUID) -> int:
        if operation_id == broken:
            raise ValueError("of all the unlikely things")
        return await real(operation_id, 2)

    monkeypatch.setattr(bulk_work, "advance", advance)
    assert (await operations.run_once(world.database, 5)).tasks == 4
    assert [operation(world, each).done for each in several] == [0, 2, 2]


async def test_operations_go_at_the_end_of_their_time_with_their_items(world: World) -> None:
    old, fresh, running = [await ordered(BulkAction.CANCEL, *world.add_many(2)) for _ in range(3)]
    for each in (old, fresh):
        await bulk_work.advance(each)
    long_ago = world.now() - timedelta(days=31)
    for each in (old, running):
        world.database.execute(
            update(BulkOperation).where(BulkOperation.id == each).values(created_at=long_ago)
        )
    world.database.execute(
        update(BulkOperation).where(BulkOperation.id == old).values(ended_at=long_ago)
    )
    assert prune.run_once(world.database, 500).operations == 1
    left = set(world.database.execute(select(BulkItem.operation_id)).column())
    assert left == {fresh, running}
    assert set(world.database.execute(select(BulkOperation.id)).column()) == left
