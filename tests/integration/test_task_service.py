"""The verbs of the service layer, on both databases."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.config import Settings
from app.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.models import IdempotencyKey, Task
from app.queries import tasks as queries
from app.services.building import NewTask
from app.services.task import CancelOutcome, DeleteOutcome, task_service
from tests.support.world import NOOP, World

ADD = "tests.support.tasks.add"
OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were to be fed."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", queues.append)
    return queues


async def create(db: AsyncSession, **fields: Any) -> Task:
    given = {"name": "n", "task_type": "t", "celery_task_name": NOOP, **fields}
    task, celery_id = await task_service.create_task(db, **given)
    assert celery_id == str(task.celery_id)
    return task


# -- create ---------------------------------------------------------------------------------


async def test_a_created_task_is_committed_and_its_queue_woken(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    task = await create(db, celery_task_name=ADD, args=[1, 2], priority=3, user_id=str(OWNER))
    row = world.row(task.id)
    assert (row.status, row.args, row.priority, row.user_id) == ("pending", [1, 2], 3, OWNER)
    assert (row.attempt, row.version, row.dispatched_at) == (0, 1, None)
    assert woken == ["default"]


async def test_without_commit_the_row_is_the_callers(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    task = await create(db, commit=False)
    assert woken == []
    await db.commit()
    assert woken == ["default"]
    assert world.row(task.id).status == "pending"


async def test_a_rollback_takes_the_row_along(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    task_id = (await create(db, commit=False)).id
    await db.rollback()
    assert world.gone(task_id)
    await create(db)
    assert woken == ["default"]


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"celery_task_name": "tests.support.tasks.nop"}, "celery_task_name"),
        ({"celery_task_name": ADD, "args": [1]}, "args"),
        ({"celery_task_name": ADD, "args": [1, "two"]}, "args"),
        ({"queue": "nowhere"}, "queue"),
        ({"priority": 5}, "priority"),
        ({"name": " "}, "name"),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_place(
    world: World, db: AsyncSession, fields: dict[str, Any], loc: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await create(db, **fields)
    assert caught.value.errors
    assert caught.value.errors[0]["loc"][1] == loc
    await db.rollback()
    assert world.statuses() == {}


async def test_a_parent_must_exist_and_be_ones_own(world: World, db: AsyncSession) -> None:
    own = await create(db, user_id=OWNER)
    child = await create(db, user_id=OWNER, parent_id=own.id)
    assert child.parent_id == own.id
    for owner, parent in ((OTHER, own.id), (OWNER, uuid.uuid4())):
        with pytest.raises(Invalid, match="parent_id"):
            await create(db, user_id=owner, parent_id=parent)


# -- idempotency ----------------------------------------------------------------------------


def new(**fields: Any) -> NewTask:
    given: dict[str, Any] = {"name": "n", "task_type": "t", "celery_task_name": NOOP}
    return NewTask(**given | {"user_id": OWNER} | fields)


async def test_the_same_key_and_request_find_the_first_task(world: World, db: AsyncSession) -> None:
    first, replayed = await task_service.submit(db, new(), idempotency_key="k", fingerprint="f")
    assert not replayed
    again, replayed = await task_service.submit(db, new(), idempotency_key="k", fingerprint="f")
    assert replayed
    assert again.id == first.id
    assert world.statuses() == {"pending": 1}


async def test_the_same_key_with_another_request_is_refused(world: World, db: AsyncSession) -> None:
    await task_service.submit(db, new(), idempotency_key="k", fingerprint="f")
    with pytest.raises(Invalid) as caught:
        await task_service.submit(db, new(), idempotency_key="k", fingerprint="other")
    assert caught.value.code == "idempotency_key_reused"


async def test_a_key_belongs_to_its_owner(world: World, db: AsyncSession) -> None:
    for owner in (OWNER, OTHER, None):
        _, replayed = await task_service.submit(
            db, new(user_id=owner), idempotency_key="k", fingerprint="f"
        )
        assert not replayed


async def test_a_key_is_forgotten_after_a_day(world: World, db: AsyncSession) -> None:
    first, _ = await task_service.submit(db, new(), idempotency_key="k", fingerprint="f")
    long_ago = world.now() - timedelta(hours=25)
    world.database.execute(update(IdempotencyKey).values(created_at=long_ago))
    second, replayed = await task_service.submit(
        db, new(), idempotency_key="k", fingerprint="other"
    )
    assert not replayed
    assert second.id != first.id


async def test_eight_requests_at_once_with_one_key_make_one_task(
    world: World, settings: Settings
) -> None:
    async def submit() -> tuple[uuid.UUID, bool]:
        async with async_session() as db:
            task, replayed = await task_service.submit(
                db, new(), idempotency_key="k", fingerprint="f"
            )
            return task.id, bool(replayed)

    answers = await asyncio.gather(*(submit() for _ in range(8)))
    assert len({task_id for task_id, _ in answers}) == 1
    assert [replayed for _, replayed in answers].count(False) == 1
    assert world.statuses() == {"pending": 1}


# -- cancel and delete ----------------------------------------------------------------------


async def test_cancel_says_what_it_found(world: World, db: AsyncSession) -> None:
    pending, pair = world.add(), world.running()
    assert await task_service.cancel(db, pending) is CancelOutcome.REVOKED_NOW
    assert await task_service.cancel(db, pending) is CancelOutcome.ALREADY_REVOKED
    assert await task_service.cancel(db, pair[0]) is CancelOutcome.REQUESTED
    assert await task_service.cancel(db, str(pair[0])) is CancelOutcome.REQUESTED
    world.settle(pair)
    assert await task_service.cancel(db, pair[0]) is CancelOutcome.FINISHED
    for unknown in (uuid.uuid4(), "no-id"):
        assert await task_service.cancel(db, unknown) is CancelOutcome.UNKNOWN


async def test_cancelling_again_keeps_the_first_time_and_reason(
    world: World, db: AsyncSession
) -> None:
    pair = world.running()
    await task_service.cancel(db, pair[0], reason="flower")
    first = world.row(pair[0])
    await task_service.cancel(db, pair[0])
    row = world.row(pair[0])
    assert (row.cancel_requested_at, row.cancel_reason) == (first.cancel_requested_at, "flower")
    assert row.version == first.version + 1


async def test_the_guides_cancel_answers_true_or_false(world: World, db: AsyncSession) -> None:
    pending, pair = world.add(), world.running()
    assert await task_service.cancel_task(db, str(pending))
    assert not await task_service.cancel_task(db, pending)
    assert await task_service.cancel_task(db, pair[0])
    assert not await task_service.cancel_task(db, uuid.uuid4())


async def test_delete_says_what_it_found(world: World, db: AsyncSession) -> None:
    pending, pair, finished = world.add(), world.running(), world.running()
    world.settle(finished)
    assert await task_service.delete(db, pending) is DeleteOutcome.REMOVED
    assert await task_service.delete(db, finished[0]) is DeleteOutcome.REMOVED
    assert await task_service.delete(db, pair[0]) is DeleteOutcome.REQUESTED
    assert await task_service.delete(db, pending) is DeleteOutcome.UNKNOWN
    assert world.gone(pending)
    row = world.row(pair[0])
    assert row.cancel_requested_at is not None
    assert (row.status, row.cancel_reason) == ("running", "deleted")
    world.settle(pair, status=TaskStatus.REVOKED)
    assert world.gone(pair[0])


@pytest.mark.parametrize("verb", ["get", "cancel", "delete", "retry", "edit"])
async def test_somebody_elses_task_is_as_if_absent(
    world: World, db: AsyncSession, verb: str
) -> None:
    task_id = world.add(user_id=OWNER)
    if verb == "get":
        assert await task_service.get_task(db, task_id, owner=OTHER) is None
        assert await task_service.get_task(db, task_id, owner=OWNER) is not None
    elif verb == "cancel":
        assert await task_service.cancel(db, task_id, owner=OTHER) is CancelOutcome.UNKNOWN
    elif verb == "delete":
        assert await task_service.delete(db, task_id, owner=OTHER) is DeleteOutcome.UNKNOWN
    elif verb == "retry":
        with pytest.raises(NotFound):
            await task_service.retry_task(db, task_id, owner=OTHER)
    else:
        with pytest.raises(NotFound):
            await task_service.edit(db, task_id, owner=OTHER, changes={"name": "x"})
    assert world.row(task_id).version == 1


# -- retry and edit -------------------------------------------------------------------------


async def test_a_finished_task_runs_again_as_a_new_one(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    pair = world.running(function=ADD, args=[1, 2], priority=4, tags=["a"], user_id=OWNER)
    world.settle(pair, status=TaskStatus.FAILED)
    again = await task_service.retry_task(db, pair[0])
    assert (again.retry_of, again.status, again.attempt) == (pair[0], "pending", 0)
    assert (again.args, again.priority, again.tags, again.user_id) == ([1, 2], 4, ["a"], OWNER)
    other = await task_service.retry_task(db, pair[0], args=[3, 4])
    assert other.args == [3, 4]
    assert world.row(pair[0]).status == "failed"
    assert woken == ["default", "default"]


async def test_a_subtask_runs_again_also_when_its_parent_is_gone(
    world: World, db: AsyncSession
) -> None:
    parent = world.add()
    for expected in (parent, None):
        pair = world.running(parent_id=parent)
        world.settle(pair)
        assert (await task_service.retry_task(db, pair[0])).parent_id == expected
        await task_service.delete(db, parent)


async def test_an_unfinished_task_is_not_retried(world: World, db: AsyncSession) -> None:
    for task_id in (world.add(), world.running()[0]):
        with pytest.raises(Conflict) as caught:
            await task_service.retry_task(db, task_id)
        assert caught.value.code == "not_finished"


async def test_name_and_tags_may_change_at_any_time(world: World, db: AsyncSession) -> None:
    pair = world.running(tags=["old"])
    edited = await task_service.edit(
        db, pair[0], owner=None, changes={"name": "new", "tags": ["a", "b"]}
    )
    assert (edited.name, edited.tags, edited.status) == ("new", ["a", "b"], "running")
    assert len(world.settle(pair)) == 1


async def test_a_new_priority_moves_a_waiting_row_and_voids_its_hint(
    world: World, db: AsyncSession, woken: list[str]
) -> None:
    task_id = world.add(priority=1)
    world.feed()
    old = world.pair(task_id)
    await task_service.edit(db, task_id, owner=None, changes={"priority": 4})
    assert world.claim(old) == []
    assert woken == ["default"]
    world.feed()
    assert world.levels() == {"LOW": 1, "CRITICAL": 1}
    assert len(world.claim(world.pair(task_id))) == 1


async def test_a_new_time_takes_a_row_back_from_the_broker(world: World, db: AsyncSession) -> None:
    task_id = world.add()
    world.feed()
    old = world.pair(task_id)
    later = world.now() + timedelta(hours=1)
    await task_service.edit(db, task_id, owner=None, changes={"scheduled_at": later})
    row = world.row(task_id)
    assert (row.scheduled_at, row.ready_at, row.rank) == (later, later, None)
    assert world.claim(old) == []
    await task_service.edit(db, task_id, owner=None, changes={"scheduled_at": None})
    assert world.feed().rows == 1


async def test_what_has_started_keeps_its_priority(world: World, db: AsyncSession) -> None:
    pair = world.running()
    with pytest.raises(Conflict) as caught:
        await task_service.edit(db, pair[0], owner=None, changes={"priority": 4})
    assert caught.value.code == "not_pending"


async def test_an_edit_of_an_old_version_is_refused(world: World, db: AsyncSession) -> None:
    task_id = world.add()
    for version in (1, 2):
        await task_service.edit(db, task_id, owner=None, changes={"name": "x"}, if_version=version)
    with pytest.raises(PreconditionFailed, match="version 3, not 2"):
        await task_service.edit(db, task_id, owner=None, changes={"name": "y"}, if_version=2)
    assert (await db.scalars(queries.get(task_id))).one().name == "x"
