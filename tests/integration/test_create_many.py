"""Many tasks by one call, within a session, on both databases."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch, events
from app.core.errors import Invalid
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.maintenance import dependents
from app.models import Task, TaskDependency
from app.services import bulk_order
from app.services.task import task_service
from tests.support.world import NOOP, World

OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were to be fed; `agents` for the agents."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", queues.append)
    monkeypatch.setattr(events, "wake_agents", lambda: queues.append("agents"))
    return queues


def task(local_id: str | None = None, *needs: Any, **fields: Any) -> dict[str, Any]:
    given = {"name": "n", "task_type": "t", "celery_task_name": NOOP, "depends_on": needs}
    return {**given, "local_id": local_id, **fields}


async def create(db: AsyncSession, *tasks: dict[str, Any], **options: Any) -> list[uuid.UUID]:
    return await task_service.create_many(db=db, tasks=list(tasks), **options)


def end(world: World, task_id: uuid.UUID, status: TaskStatus = TaskStatus.SUCCEEDED) -> None:
    world.mark(task_id)
    (row,) = world.claim(world.pair(task_id))
    world.settle((row.id, row.celery_id), status=status)


def tell(world: World) -> None:
    """Until there is nothing more to tell."""
    while dependents.run_once(world.database, 1000).counts():
        pass


def state(world: World, task_id: uuid.UUID) -> tuple[str, str | None, int]:
    row = world.row(task_id)
    return row.status, row.reason, row.unmet_deps


async def test_they_belong_to_the_owner_and_are_woken_for_once(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    lane = "tests.support.tasks.in_lane"
    ids = await create(
        db, *(task() for _ in range(3)), task(celery_task_name=lane, args=[1]), user_id=str(OWNER)
    )
    assert woken == ["default", "lane"]
    assert {world.row(each).user_id for each in ids} == {OWNER}
    assert [world.row(each).queue for each in ids] == ["default"] * 3 + ["lane"]
    world.set_window(64)
    world.feed()
    assert [hint.task_id for hint in world.hints()] == ids[:3]


async def test_no_tasks_are_no_mistake(world: World, db: AsyncSession) -> None:
    assert await create(db) == []
    assert world.statuses() == {}


async def test_without_commit_the_rows_are_the_callers(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    gone = await create(db, task(), commit=False)
    await db.rollback()
    sparse: dict[str, Any] = {"args": None, "kwargs": None, "depends_on": (), "parent_id": None}
    kept = await create(db, task(), task(**sparse), commit=False)
    assert woken == []
    await db.commit()
    assert woken == ["default"]
    assert world.gone(gone[0])
    assert world.statuses() == {"pending": len(kept)}


async def test_one_that_does_not_fit_takes_all_along(world: World, db: AsyncSession) -> None:
    with pytest.raises(Invalid) as refused:
        await create(db, *(task() for _ in range(700)), task(priority=7), task(queue="nowhere"))
    assert [error["loc"] for error in refused.value.errors or ()] == [
        ["body", "tasks", 700, "priority"],
        ["body", "tasks", 701, "queue"],
    ]
    assert not db.in_transaction()
    assert world.statuses() == {}


async def test_the_limits_are_those_of_the_request(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_order, "MAX_TASKS", 2)
    monkeypatch.setattr(bulk_order, "MAX_EDGES", 1)
    with pytest.raises(Invalid, match="at most 2 tasks"):
        await create(db, task(), task(), task())
    with pytest.raises(Invalid, match="at most 1 dependencies"):
        await create(db, task("a"), task("b", "a", uuid.uuid4()))


async def test_a_workflow_runs_in_its_order(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    before = world.add(user_id=OWNER)
    ids = await create(
        db, task("d", "b", "c"), task("b", "a"), task("c", "a", before), task("a"), user_id=OWNER
    )
    d, b, c, a = ids
    assert [state(world, each)[2] for each in (d, b, c, a)] == [2, 1, 2, 0]
    assert [world.row(each).awaited for each in (d, b, c, a, before)] == [False, *[True] * 4]
    assert [world.row(each).rank is None for each in (d, b, c, a)] == [True, True, True, False]
    for done, released in ((a, [b]), (before, [c]), (b, []), (c, [d])):
        end(world, done)
        tell(world)
        for each in released:
            assert state(world, each) == ("pending", None, 0)
            assert world.row(each).rank is not None
    end(world, d)
    assert world.statuses() == {"succeeded": 5}
    told = world.database.execute(select(TaskDependency.told)).column()
    assert told == [True] * 5


async def test_what_failed_before_ends_what_needs_it_and_what_needs_that(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    failed = world.add()
    end(world, failed, TaskStatus.FAILED)
    first, second, brave, free = await create(
        db,
        task("first", failed),
        task("second", "first"),
        task("brave", failed, on_dependency_failure="run"),
        task("free"),
    )
    assert state(world, first)[:2] == ("failed", "dependency_failed")
    assert str(failed) in world.row(first).error["message"]
    assert woken == ["default", "agents"]
    tell(world)
    assert state(world, second)[:2] == ("failed", "dependency_failed")
    assert [state(world, each) for each in (brave, free)] == [("pending", None, 0)] * 2


async def test_a_needed_task_cannot_finish_unseen_meanwhile(world: World) -> None:
    """Either it is seen finished, or its end is told to those that need it."""
    for _ in range(5):
        needed = world.running()
        both = await asyncio.gather(
            _create_alone(needed[0]), asyncio.to_thread(world.settle, needed)
        )
        tell(world)
        assert state(world, both[0]) == ("pending", None, 0)


async def _create_alone(needed: uuid.UUID) -> uuid.UUID:
    async with async_session() as db:
        (task_id,) = await create(db, task(None, needed))
        return task_id


async def test_others_see_only_what_is_theirs(world: World, db: AsyncSession) -> None:
    other = world.add(user_id=OTHER)
    for fields, place in (
        ({"depends_on": [other]}, ["depends_on", 0]),
        ({"parent_id": str(other)}, ["parent_id"]),
    ):
        with pytest.raises(Invalid) as refused:
            await create(db, task(), task(**fields), user_id=OWNER)
        assert (refused.value.errors or [{}])[0]["loc"] == ["body", "tasks", 1, *place]
    (task_id,) = await create(db, task(parent_id=other, depends_on=[other]))
    assert world.row(task_id).parent_id == other
    assert len(world.database.execute(select(Task.id)).column()) == 2
