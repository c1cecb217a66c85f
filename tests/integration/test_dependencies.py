"""Tasks that wait for others, on both databases."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.errors import Invalid
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.maintenance import dependents, prune
from app.maintenance.reject import Reject
from app.models import Task, TaskDependency
from app.queries import tasks as queries
from app.services.building import NewTask
from app.services.submission import Origin
from app.services.task import DeleteOutcome, task_service
from tests.support.databases import on_postgresql
from tests.support.world import NOOP, World

OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
LATER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were to be fed."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", queues.append)
    return queues


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step takes as long as it takes: how much it does is then no matter of the machine."""
    monkeypatch.setattr(dependents, "BUDGET_SECONDS", 60.0)


async def create(db: AsyncSession, *needed: uuid.UUID, **fields: Any) -> Task:
    given = {"name": "n", "task_type": "t", "celery_task_name": NOOP, **fields}
    task, _ = await task_service.create_task(db, **given, depends_on=needed)
    return task


def end(world: World, task_id: uuid.UUID, status: TaskStatus = TaskStatus.SUCCEEDED) -> None:
    """Run a waiting task to its end."""
    world.mark(task_id)
    (row,) = world.claim(world.pair(task_id))
    (settled,) = world.settle((row.id, row.celery_id), status=status)
    assert settled.awaited == world.row(task_id).awaited


def tell(world: World, limit: int = 1000) -> dict[str, int]:
    """One step; whom it released and ended."""
    counts = dependents.run_once(world.database, limit).counts()
    counts.pop("edges", None)
    return counts


def state(world: World, task_id: uuid.UUID) -> tuple[str, str | None, int]:
    row = world.row(task_id)
    return row.status, row.reason, row.unmet_deps


def is_awaited(world: World, task_id: uuid.UUID) -> bool:
    """Whether somebody who depends on it is still to be told."""
    return bool(world.row(task_id).awaited)


# -- submission -----------------------------------------------------------------------------


async def test_a_dependent_has_no_place_in_the_queue(world: World, db: AsyncSession) -> None:
    needed = world.add()
    task = await create(db, needed)
    assert (task.unmet_deps, task.rank, task.depends_on) == (1, None, [str(needed)])
    assert is_awaited(world, needed)
    world.feed()
    assert [row.task_id for row in world.hints()] == [needed]


async def test_a_finished_task_is_no_obstacle(world: World, db: AsyncSession) -> None:
    needed = world.add()
    end(world, needed)
    task = await create(db, needed)
    assert task.unmet_deps == 0
    assert task.rank is not None
    assert not is_awaited(world, needed)


@pytest.mark.parametrize(
    ("status", "ended", "reason"),
    [
        (TaskStatus.FAILED, "failed", "dependency_failed"),
        (TaskStatus.REVOKED, "revoked", "dependency_revoked"),
    ],
)
async def test_one_that_has_ended_badly_ends_the_dependent_at_once(
    world: World, db: AsyncSession, status: TaskStatus, ended: str, reason: str
) -> None:
    needed = world.add()
    end(world, needed, status)
    task = await create(db, needed)
    assert (task.status, task.reason) == (ended, reason)
    assert task.error is not None
    assert str(needed) in task.error["message"]
    assert task.completed_at is not None
    assert (await create(db, needed, on_dependency_failure="run")).status == "pending"


async def test_what_the_owner_cannot_see_does_not_exist(world: World, db: AsyncSession) -> None:
    mine, other = world.add(user_id=OWNER), world.add(user_id=OTHER)
    for absent in (other, uuid.uuid4()):
        with pytest.raises(Invalid) as refused:
            await create(db, mine, absent, user_id=OWNER)
        (error,) = refused.value.errors or [{}]
        assert error["loc"] == ["body", "depends_on", 1]
        assert error["msg"] == f"task {absent} does not exist"
    assert not is_awaited(world, mine)
    assert (await create(db, mine, other, user_id=OWNER, sees_all=True)).unmet_deps == 2


async def test_one_that_is_about_to_be_deleted_does_not_exist(
    world: World, db: AsyncSession
) -> None:
    (needed, _) = world.running()
    await task_service.delete(db, needed)
    with pytest.raises(Invalid, match="does not exist"):
        await create(db, needed)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depends_on": ["x"]}, "id of a task"),
        ({"depends_on": [uuid.UUID(int=1)] * 2}, "once"),
        ({"depends_on": [uuid.uuid4() for _ in range(1001)]}, "at most 1000"),
        ({"on_dependency_failure": "maybe"}, "fail or run"),
    ],
)
async def test_what_does_not_fit_is_refused(
    world: World, db: AsyncSession, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        await task_service.create_task(db, name="n", task_type="t", celery_task_name=NOOP, **fields)


# -- telling --------------------------------------------------------------------------------


async def test_the_last_one_releases(world: World, db: AsyncSession, woken: list[str]) -> None:
    first, second = world.add(), world.add()
    task = await create(db, first, second)
    end(world, first)
    woken.clear()
    assert tell(world) == {}
    assert state(world, task.id) == ("pending", None, 1)
    assert woken == []
    end(world, second)
    assert tell(world) == {"released": 1}
    assert state(world, task.id) == ("pending", None, 0)
    assert woken == ["default"]
    world.feed()
    assert [row.task_id for row in world.hints()] == [task.id]
    assert not is_awaited(world, second)


async def test_a_released_one_keeps_its_time(world: World, db: AsyncSession) -> None:
    needed = world.add()
    task = await create(db, needed, scheduled_at=world.now() + LATER)
    end(world, needed)
    assert tell(world) == {"released": 1}
    row = world.row(task.id)
    assert row.rank is None
    assert row.ready_at == row.scheduled_at


async def test_waiting_counts_from_the_release(world: World, db: AsyncSession) -> None:
    needed = world.add()
    task = await create(db, needed)
    world.force(task.id, ready_at=world.now() - LATER)
    end(world, needed)
    tell(world)
    assert world.now() - world.row(task.id).ready_at < timedelta(minutes=1)


async def test_failure_and_cancel_spread_down_the_chain(world: World, db: AsyncSession) -> None:
    for status, expected in (
        (TaskStatus.FAILED, ("failed", "dependency_failed")),
        (TaskStatus.REVOKED, ("revoked", "dependency_revoked")),
    ):
        root = world.add()
        chain = [root]
        for _ in range(5):
            chain.append((await create(db, chain[-1])).id)
        end(world, root, status)
        assert tell(world) == {"ended": 5}
        assert {state(world, each)[:2] for each in chain[1:]} == {expected}
        assert str(chain[4]) in world.row(chain[5]).error["message"]


async def test_a_long_chain_ends_in_batches(world: World, db: AsyncSession) -> None:
    same = {"name": "n", "task_type": "t", "celery_task_name": NOOP}
    links: list[dict[str, Any]] = [
        {**same, "local_id": f"link {n}", "depends_on": [f"link {n - 1}"] if n else []}
        for n in range(500)
    ]
    ids = await task_service.create_many(db, links)
    end(world, ids[0], TaskStatus.FAILED)
    ended = []
    while count := dependents.run_once(world.database, 200).ended:
        ended.append(count)
    assert (sum(ended), max(ended)) == (499, 200)
    assert state(world, ids[-1])[:2] == ("failed", "dependency_failed")


async def test_one_that_runs_all_the_same_stops_the_spread(world: World, db: AsyncSession) -> None:
    root = world.add()
    tolerant = await create(db, root, on_dependency_failure="run")
    behind = await create(db, tolerant.id)
    end(world, root, TaskStatus.FAILED)
    assert tell(world) == {"released": 1}
    assert state(world, behind.id) == ("pending", None, 1)


async def test_a_failure_beats_a_cancel_and_both_beat_waiting(
    world: World, db: AsyncSession
) -> None:
    failed, revoked, waiting = world.add(), world.add(), world.add()
    task = await create(db, failed, revoked, waiting)
    end(world, revoked, TaskStatus.REVOKED)
    end(world, failed, TaskStatus.FAILED)
    assert tell(world) == {"ended": 1}
    assert state(world, task.id)[:2] == ("failed", "dependency_failed")
    end(world, waiting)
    assert tell(world) == {}


async def test_however_it_ended_it_is_told(world: World, db: AsyncSession) -> None:
    cancelled, expired = world.add(), world.add(expires_at=world.now() + LATER)
    tasks = [await create(db, each) for each in (cancelled, expired)]
    await task_service.cancel(db, cancelled)
    world.force(expired, expires_at=world.now() - LATER)
    Reject(world.database).run_once(10)
    assert tell(world) == {"ended": 2}
    assert {state(world, task.id)[1] for task in tasks} == {"dependency_revoked"}


async def test_one_that_is_gone_counts_as_revoked(world: World, db: AsyncSession) -> None:
    gone, other = world.add(), world.add()
    task = await create(db, gone, other)
    tolerant = await create(db, gone, on_dependency_failure="run")
    world.database.execute(delete(Task).where(Task.id == gone))
    end(world, other)
    assert tell(world) == {}
    assert state(world, task.id) == ("pending", None, 1)
    report = dependents.Gone(world.database).run_once(100)
    assert (report.ended, report.released) == (1, 1)
    assert state(world, task.id)[:2] == ("revoked", "dependency_revoked")
    assert str(gone) in world.row(task.id).error["message"]
    assert state(world, tolerant.id) == ("pending", None, 0)


async def test_what_is_gone_is_looked_for_part_by_part(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependents, "LOOK", 2)
    needed = world.add_many(7)
    tasks = [await create(db, each) for each in needed]
    for each in (needed[1], needed[5]):
        world.database.execute(delete(Task).where(Task.id == each))
    gone = dependents.Gone(world.database)
    assert sum(gone.run_once(100).ended for _ in range(8)) == 2
    ended = {task.id for task in tasks if state(world, task.id)[0] == "revoked"}
    assert ended == {tasks[1].id, tasks[5].id}
    world.database.execute(delete(Task).where(Task.id == needed[0]))
    assert sum(gone.run_once(100).ended for _ in range(8)) == 1, "it begins anew"


async def test_a_fan_out_is_told_in_batches(world: World, db: AsyncSession) -> None:
    root = world.add()
    tasks = [await create(db, root) for _ in range(7)]
    end(world, root)
    assert tell(world, limit=3) == {"released": 3}
    assert is_awaited(world, root)
    assert tell(world, limit=3) == {"released": 3}
    assert tell(world, limit=3) == {"released": 1}
    assert not is_awaited(world, root)
    assert {state(world, task.id)[2] for task in tasks} == {0}


async def test_a_fan_in_waits_for_all(world: World, db: AsyncSession) -> None:
    needed = world.add_many(20)
    task = await create(db, *needed)
    for each in needed[:-1]:
        end(world, each)
    assert tell(world) == {}
    assert state(world, task.id)[2] == 1
    end(world, needed[-1])
    assert tell(world) == {"released": 1}


async def test_a_cancelled_dependent_stays_cancelled(world: World, db: AsyncSession) -> None:
    needed = world.add()
    task = await create(db, needed)
    await task_service.cancel(db, task.id)
    end(world, needed)
    assert tell(world) == {}
    assert state(world, task.id)[:2] == ("revoked", "cancelled")
    assert not is_awaited(world, needed)


async def test_telling_twice_changes_nothing(world: World, db: AsyncSession) -> None:
    needed = world.add()
    task = await create(db, needed)
    end(world, needed)
    tell(world)
    version = world.row(task.id).version
    world.force(needed, awaited=True)
    assert tell(world) == {}
    assert world.row(task.id).version == version


async def test_one_that_settles_while_its_dependent_is_inserted_leaves_nobody_waiting(
    world: World, db: AsyncSession
) -> None:
    for _ in range(20):
        needed = world.add()
        world.mark(needed)
        (row,) = world.claim(world.pair(needed))

        async def insert(needed: uuid.UUID = needed) -> Task:
            async with async_session() as session:
                return await create(session, needed)

        task, _ = await asyncio.gather(
            insert(), asyncio.to_thread(world.settle, (row.id, row.celery_id))
        )
        tell(world)
        assert state(world, task.id) == ("pending", None, 0)
        assert world.row(task.id).rank is not None


async def test_two_agents_tell_at_once(world: World, db: AsyncSession) -> None:
    needed = world.add_many(10)
    tasks = [await create(db, *needed) for _ in range(5)]
    for each in needed:
        end(world, each)

    other = World()
    try:
        reports = await asyncio.gather(
            *(
                asyncio.to_thread(dependents.run_once, each.database, 3)
                for each in (world, other) * 5
            )
        )
    finally:
        other.close()
    while tell(world):
        pass
    assert {state(world, task.id) for task in tasks} == {("pending", None, 0)}
    assert sum(report.released for report in reports) <= 5


# One writer at a time: there are no locks of rows.
@on_postgresql
async def test_whoever_tells_waits_for_nobody(world: World, db: AsyncSession) -> None:
    needed = world.add()
    tasks = [await create(db, needed) for _ in range(3)]
    end(world, needed)
    async with async_session() as other:
        await other.execute(queries.lock(tasks[1].id))
        assert tell(world) == {"released": 2}
        assert is_awaited(world, needed)
        assert tell(world) == {}
    assert tell(world) == {"released": 1}
    assert not is_awaited(world, needed)


async def test_a_wide_graph_is_told_in_as_many_steps_as_it_has_edges(
    world: World, db: AsyncSession
) -> None:
    needed = world.add_many(6)
    tasks = [await create(db, *needed) for _ in range(6)]
    for each in needed:
        end(world, each)
    edges = []
    while (report := dependents.run_once(world.database, 5)).edges:
        edges.append(report.edges)
        assert {world.row(task.id).unmet_deps for task in tasks} <= set(range(7))
    assert sum(edges) == 36
    assert {state(world, task.id) for task in tasks} == {("pending", None, 0)}


# -- deleting while somebody comes to need it -----------------------------------------------------


@pytest.mark.parametrize("finished", [False, True])
async def test_one_that_comes_to_be_needed_meanwhile_is_not_deleted(
    world: World, db: AsyncSession, finished: bool
) -> None:
    needed, waiting = world.add_many(2)
    if finished:
        end(world, needed)

    async def remove() -> DeleteOutcome:
        async with async_session() as session:
            return await task_service.delete(session, needed)

    task = await create(db, needed, waiting, commit=False)
    removal = asyncio.create_task(remove())
    done, _ = await asyncio.wait({removal}, timeout=0.5)
    assert not done
    await db.commit()
    assert await removal is DeleteOutcome.NEEDED
    assert state(world, task.id)[0] == "pending"


async def test_one_that_comes_to_be_needed_meanwhile_is_not_pruned(
    world: World, db: AsyncSession
) -> None:
    needed, waiting = long_finished(world), world.add()
    await create(db, needed, waiting, commit=False)
    pruning = asyncio.create_task(asyncio.to_thread(prune.run_once, world.database, 10))
    await asyncio.wait({pruning}, timeout=0.5)
    await db.commit()
    assert (await pruning).tasks == 0
    assert not world.gone(needed)


def long_finished(world: World) -> uuid.UUID:
    """A task that is past retention."""
    long_ago = world.now() - timedelta(days=60)
    task_id = world.add(id=uuid.UUID(int=int(long_ago.timestamp() * 1000) << 80))
    end(world, task_id)
    world.force(task_id, completed_at=long_ago)
    return task_id


# -- editing, deleting, running again -----------------------------------------------------------


async def test_a_priority_gives_no_place_in_the_queue(world: World, db: AsyncSession) -> None:
    task = await create(db, world.add())
    await task_service.edit(db, task.id, owner=None, changes={"priority": 4})
    row = world.row(task.id)
    assert (row.priority, row.rank, row.unmet_deps) == (4, None, 1)


async def test_one_that_is_needed_is_not_deleted(world: World, db: AsyncSession) -> None:
    waiting, (running, _) = world.add(), world.running()
    done = world.add()
    end(world, done)
    dependent = (await create(db, waiting, running, done)).id
    for each in (waiting, running, done):
        assert await task_service.delete(db, each) is DeleteOutcome.NEEDED
        assert not await task_service.delete_task(db, each)
    await task_service.cancel(db, dependent)
    assert await task_service.delete(db, waiting) is DeleteOutcome.REMOVED
    assert await task_service.delete(db, running) is DeleteOutcome.REQUESTED
    assert await task_service.delete_task(db, done)


async def test_retention_spares_what_is_needed(world: World, db: AsyncSession) -> None:
    needed = long_finished(world)
    task = await create(db, needed)
    prune.run_once(world.database, 10)
    assert not world.gone(needed)
    end(world, task.id)
    prune.run_once(world.database, 10)
    assert world.gone(needed)


async def test_run_again_it_runs_whatever_it_needed(world: World, db: AsyncSession) -> None:
    failed = world.add()
    task = await create(db, failed)
    end(world, failed, TaskStatus.FAILED)
    tell(world)
    again = await task_service.retry_task(db, task.id)
    assert (again.status, again.unmet_deps, again.depends_on) == ("pending", 0, [str(failed)])


async def test_run_again_it_forgets_what_is_about_to_go(world: World, db: AsyncSession) -> None:
    (needed, _) = world.running()
    task = await create(db, needed)
    await task_service.cancel(db, task.id)
    await task_service.delete(db, needed)
    again = await task_service.retry_task(db, task.id)
    assert (again.unmet_deps, again.depends_on) == (0, None)


async def test_a_request_repeated_under_its_key_needs_what_it_needed_no_more(
    world: World, db: AsyncSession
) -> None:
    needed = world.add()
    new = NewTask(name="n", task_type="t", celery_task_name=NOOP, depends_on=[needed])
    first, _ = await task_service.submit(db, new, idempotency_key="k", fingerprint="f")
    await task_service.cancel(db, first.id)
    await task_service.delete(db, needed)
    again, replayed = await task_service.submit(db, new, idempotency_key="k", fingerprint="f")
    assert (again.id, replayed) == (first.id, Origin.REPLAYED)
    with pytest.raises(Invalid, match="does not exist"):
        await task_service.submit(db, new, idempotency_key="another", fingerprint="f")


async def test_edges_go_with_their_task(world: World, db: AsyncSession) -> None:
    task = await create(db, world.add())
    await task_service.delete(db, task.id)
    assert world.database.execute(select(TaskDependency.task_id)).all() == []
