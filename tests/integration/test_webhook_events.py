"""What is to be told: a delivery for each webhook that wants to know, with the end of the task."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from app.core.security import Role
from app.db import ids
from app.db.base import dump_json
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.domain.webhook import DeliveryStatus, WebhookEvent
from app.maintenance import prune, rescue
from app.maintenance.reject import Reject
from app.models import WebhookDelivery
from app.queries import deliveries as log
from app.queries import webhooks as queries
from app.services import webhook as service
from app.services.ending import cancel_each
from app.services.task import task_service
from app.services.webhook_message import payload
from tests.integration.test_listing import looked_at
from tests.support.databases import on_postgresql
from tests.support.environment import use_settings
from tests.support.failures import fail
from tests.support.webhooks import deliveries, user, webhook
from tests.support.world import NOOP, World

pytestmark = pytest.mark.usefixtures("no_feeder")

ADD = "tests.support.tasks.add"


async def _succeed(world: World, **fields: Any) -> uuid.UUID:
    pair = world.running(**fields)
    assert world.settle(pair)
    return pair[0]


async def _fail(world: World, **fields: Any) -> uuid.UUID:
    return fail(world, **fields)[0]


async def _lose(world: World, **fields: Any) -> uuid.UUID:
    pair = world.running(**fields)
    world.end_lease(pair[0])
    assert rescue.run_once(world.database, 10).ended == 1
    return pair[0]


async def _cancel(world: World, **fields: Any) -> uuid.UUID:
    task_id = world.add(**fields)
    async with async_session() as db:
        assert await task_service.cancel_task(db, task_id)
    return task_id


async def _stop(world: World, **fields: Any) -> uuid.UUID:
    pair = world.running(**fields)
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")
    world.end_lease(pair[0])
    assert rescue.run_once(world.database, 10).ended == 1
    return pair[0]


async def _expire(world: World, **fields: Any) -> uuid.UUID:
    task_id = world.add(**fields)
    world.force(task_id, expires_at=world.now() - timedelta(seconds=1))
    assert Reject(world.database).run_once(10).expired == 1
    return task_id


async def _lack(world: World, **fields: Any) -> uuid.UUID:
    """A task that needs one that has failed."""
    needed = fail(world, user_id=fields["user_id"])[0]
    async with async_session() as db:
        task, _ = await task_service.create_task(
            db=db, name="n", task_type="t", celery_task_name=NOOP, depends_on=[needed],
            user_id=fields["user_id"],
        )  # fmt: skip
    return task.id


End = Callable[..., Awaitable[uuid.UUID]]


@pytest.mark.parametrize(
    ("end", "event_name", "reason"),
    [
        (_succeed, "task.succeeded", None),
        (_fail, "task.failed", "exception"),
        (_lose, "task.failed", "worker_lost"),
        (_cancel, "task.revoked", "cancelled"),
        (_stop, "task.revoked", "cancelled"),
        (_expire, "task.revoked", "expired"),
        (_lack, "task.failed", "dependency_failed"),
    ],
)
async def test_whatever_ends_a_task_is_told_once(
    world: World, end: End, event_name: str, reason: str | None
) -> None:
    owner = await user()
    hook, _ = await webhook(owner)
    task_id = await end(world, user_id=owner.user_id)
    (told,) = [each for each in deliveries(world, hook) if each.task_id == task_id]
    assert (told.type, told.task_id, told.status, told.attempts) == (
        event_name, task_id, "pending", 0,
    )  # fmt: skip
    assert told.id.version == 7
    # Due at once: the clock is read for each of the two.
    assert abs(told.next_attempt_at - told.created_at) < timedelta(seconds=1)
    assert abs(world.now() - told.created_at) < timedelta(seconds=60)
    assert payload(told)["data"]["reason"] == reason


async def test_the_payload_is_the_task_as_it_ended(world: World) -> None:
    owner = await user()
    await webhook(owner)
    pair = world.running(
        name='Ünï "quoted" \\n', user_id=owner.user_id, owner_ref="order 17", tags=["b", "a"],
        function=ADD, args=[1, 2], priority=3,
    )  # fmt: skip
    error = {"type": "E", "message": "why\x00not", "traceback": "T", "attempt": 1}
    world.settle(pair, status=TaskStatus.FAILED, reason="exception", error=dump_json(error))
    row = world.row(pair[0])
    world.force(pair[0], name="another")
    (told,) = deliveries(world)
    assert payload(told) == {
        "type": "task.failed",
        "timestamp": _said(row.completed_at),
        "data": {
            "id": str(row.id), "name": 'Ünï "quoted" \\n', "task_type": "t",
            "celery_task_name": ADD, "queue": "default", "priority": 3, "status": "failed",
            "reason": "exception", "attempt": 1, "owner_ref": "order 17",
            "user_id": str(owner.user_id), "parent_id": None, "retry_of": None,
            "tags": ["b", "a"], "error": {"type": "E", "message": "why\\x00not"},
            "created_at": _said(row.created_at), "started_at": _said(row.started_at),
            "completed_at": _said(row.completed_at),
        },
    }  # fmt: skip


def _said(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))


async def test_an_attempt_that_is_followed_by_another_is_not_told(world: World) -> None:
    owner = await user()
    await webhook(owner)
    pair = world.running(user_id=owner.user_id, max_attempts=2)
    world.end_lease(pair[0])
    assert rescue.run_once(world.database, 10).returned == 1
    assert deliveries(world) == []


async def test_what_is_rolled_back_is_not_told(world: World) -> None:
    owner = await user()
    await webhook(owner)
    task_id = world.add(user_id=owner.user_id)
    async with async_session() as db:
        await cancel_each(db, [task_id], owner=None)
        assert len((await db.scalars(select(WebhookDelivery))).all()) == 1
        await db.rollback()
    assert world.row(task_id).status == "pending"
    assert deliveries(world) == []


TOLD: list[dict[str, Any]] = [
    {},
    {"events": (WebhookEvent.SUCCEEDED,)},
    {"filter": {"task_type": "t"}},
    {"filter": {"celery_task_name": NOOP}},
    {"filter": {"queue": "default"}},
    {"filter": {"tag": "a"}},
    {"filter": {"tag": "b", "queue": "default", "task_type": "t"}},
]
NOT_TOLD: list[dict[str, Any]] = [
    {"active": False},
    {"events": (WebhookEvent.FAILED, WebhookEvent.REVOKED)},
    {"filter": {"task_type": "T"}},
    {"filter": {"celery_task_name": ADD}},
    {"filter": {"queue": "other"}},
    {"filter": {"tag": "c"}},
    {"filter": {"tag": "b", "queue": "other"}},
]


async def test_a_filter_restricts(world: World) -> None:
    owner = await user()
    told = {(await webhook(owner, **wanted))[0] for wanted in TOLD}
    for wanted in NOT_TOLD:
        await webhook(owner, **wanted)
    async with async_session() as db:
        task, _ = await task_service.create_task(
            db=db, name="n", task_type="t", celery_task_name=NOOP, tags=["a", "b"],
            user_id=owner.user_id,
        )  # fmt: skip
    world.mark(task.id)
    (claimed,) = world.claim(world.pair(task.id))
    world.settle((claimed.id, claimed.celery_id))
    assert {row.webhook_id for row in deliveries(world)} == told
    assert len(deliveries(world)) == len(TOLD)


async def test_everybody_is_told_about_their_own_tasks_and_operators_about_all(
    world: World,
) -> None:
    owner, other = await user(), await user("other@example.org")
    operator = await user("op@example.org", Role.OPERATOR)
    own, (others, _), (ones_own, _), (all_, _) = (
        await webhook(owner),
        await webhook(other),
        await webhook(operator),
        await webhook(operator, everybody=True),
    )
    await _succeed(world, user_id=owner.user_id)
    await _succeed(world, user_id=None)
    numbers = {each: len(deliveries(world, each)) for each in (own[0], others, ones_own, all_)}
    assert numbers == {own[0]: 1, others: 0, ones_own: 0, all_: 2}


async def test_old_deliveries_go_but_for_those_that_are_about_to_be_sent(world: World) -> None:
    owner = await user()
    hook, _ = await webhook(owner)
    for status in ("pending", "succeeded", "failed"):
        task_id = await _succeed(world, user_id=owner.user_id)
        _age(world, task_id, status, days=31)
    await _succeed(world, user_id=owner.user_id)
    assert prune.run_once(world.database, 10).deliveries == 2
    assert [row.status for row in deliveries(world, hook)] == ["pending", "pending"]


@pytest.mark.parametrize("days", ["30", "0"])
async def test_deliveries_go_with_their_webhook(
    world: World, clean_settings: pytest.MonkeyPatch, days: str
) -> None:
    use_settings(clean_settings, retention_days=days)
    owner = await user()
    removed = [(await webhook(owner))[0] for _ in range(2)]
    kept, _ = await webhook(owner)
    for _ in range(3):
        await _succeed(world, user_id=owner.user_id)
    async with async_session() as db:
        for hook in removed:
            await service.delete(db, hook, owner=owner.user_id)
    # In batches of fewer than there are.
    assert prune.run_once(world.database, 2).deliveries == 6
    assert {row.webhook_id for row in deliveries(world)} == {kept}
    assert prune.run_once(world.database, 2).deliveries == 0


def _age(world: World, task_id: uuid.UUID, status: str, days: float) -> None:
    past = world.now() - timedelta(days=days)
    statement = (
        update(WebhookDelivery)
        .where(WebhookDelivery.task_id == task_id)
        .values(status=status, created_at=past)
    )
    world.database.execute(statement)


async def test_few_deliveries_are_looked_at_for_the_few_that_have_failed(world: World) -> None:
    owner = await user()
    hook, _ = await webhook(owner)
    gone = ids.new_id()
    told = [(hook, "failed"), (hook, "pending"), (gone, "succeeded"), *[(hook, "succeeded")] * 3000]
    rows = [
        {"id": ids.new_id(), "webhook_id": of, "type": "task.failed", "snapshot": {},
         "status": status, "attempts": 1, "next_attempt_at": world.now(),
         "created_at": world.now()}
        for of, status in told
    ]  # fmt: skip
    world.database.execute(insert(WebhookDelivery), rows)
    world.database.execute(text("ANALYZE"))
    for status in (DeliveryStatus.FAILED, DeliveryStatus.PENDING):
        listed = log.list_deliveries(hook, status, None, 10)
        assert [row.status for row in world.database.execute(listed).all()] == [status]
        assert looked_at(world, listed) < 300
    removed = log.removed_webhooks().params(most=10)
    assert world.database.execute(removed).column() == [gone]
    assert looked_at(world, removed) < 300


# SQLite has one writer at a time.
@on_postgresql
async def test_whoever_removes_a_webhook_holds_up_no_end_of_a_task(world: World) -> None:
    owner = await user()
    hook, _ = await webhook(owner)
    pair = world.running(user_id=owner.user_id)
    async with async_session() as db:
        await db.execute(queries.remove(hook, owner.user_id))
        # Waiting for that lock would be given up with an error long before the test ends.
        assert await asyncio.to_thread(world.settle, pair)
        await db.commit()
    assert world.row(pair[0]).status == "succeeded"
    assert len(deliveries(world, hook)) == 1
