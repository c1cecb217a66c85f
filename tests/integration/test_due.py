"""What an agent finds to do, by one look."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.config import get_settings
from app.domain.bulk import BulkAction
from app.maintenance import dependents, rollup
from app.models import Task
from app.queries import due, feed
from app.queries.due import Work
from app.services import bulk_operations, bulk_work
from app.services.bulk_operations import Order
from tests.support.webhooks import user, webhook
from tests.support.world import World, to_do

pytestmark = pytest.mark.usefixtures("no_feeder")
NOTHING = {(Work.CLOCK, "")}


def test_an_idle_system_has_nothing_to_do_and_tells_the_time(world: World) -> None:
    world.settle(world.running())
    before = world.now()
    first, *others = world.database.run((due.look(), {}))[0].all()
    assert not others
    assert before <= first.now <= world.now()


def test_queues_with_rows_to_hand_out_are_named(world: World) -> None:
    hour = timedelta(hours=1)
    world.add_many(3)
    for queue in ("images", "later", "lasting", "expired"):
        countdown = 60 if queue == "later" else None
        task_id = world.add(expires_at=world.now() + hour, countdown=countdown)
        world.force(task_id, queue=queue)
    waiting = {(Work.WAITING, name) for name in ("default", "images", "lasting", "expired")}
    assert to_do(world) == NOTHING | waiting
    world.database.execute(
        update(Task)
        .where(Task.queue == "expired")
        .values(expires_at=world.now() - timedelta(seconds=1))
    )
    world.feed("images")
    assert to_do(world) == NOTHING | {(Work.WAITING, name) for name in ("default", "lasting")}


def test_a_row_whose_time_has_come_is_to_be_ranked(world: World) -> None:
    task_id = world.add(countdown=60)
    assert to_do(world) == NOTHING
    world.force(task_id, ready_at=world.now() - timedelta(seconds=1))
    assert to_do(world) == NOTHING | {(Work.RANKING, "")}
    world.database.execute(feed.rank_ready(None, get_settings().ageing_seconds, 10))
    assert to_do(world) == NOTHING | {(Work.WAITING, "default")}


def test_dependents_of_a_finished_task_are_to_be_told(world: World) -> None:
    pair = world.running()
    world.add_needing(pair[0])
    assert to_do(world) == NOTHING
    world.settle(pair)
    assert to_do(world) == NOTHING | {(Work.DEPENDENTS, "")}
    dependents.run_once(world.database, 10)
    assert to_do(world) == NOTHING | {(Work.WAITING, "default")}


def test_changes_of_subtasks_are_to_be_shown(world: World) -> None:
    parent, _ = world.running()
    world.add(parent_id=parent, countdown=60)
    assert to_do(world) == NOTHING | {(Work.SUBTASKS, "")}
    rollup.run_once(world.database)
    assert to_do(world) == NOTHING


async def test_operations_are_to_be_gone_on_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_operations, "MAX_AT_ONCE", 0)
    task_id = world.add(countdown=60)
    order = Order(BulkAction.CANCEL, uuid.uuid4(), None, ids=[task_id])
    made, _ = await bulk_operations.give(order)
    assert to_do(world) == NOTHING | {(Work.OPERATIONS, "")}
    while await bulk_work.advance(made.id):
        pass
    assert to_do(world) == NOTHING


async def test_deliveries_that_are_due_are_to_be_sent(world: World) -> None:
    owner = await user()
    await webhook(owner)
    world.settle(world.running(user_id=owner.user_id))
    assert to_do(world) == NOTHING | {(Work.DELIVERIES, "")}
