"""What a parent shows of its subtasks, on both databases."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from alembic import command
from sqlalchemy import func, select

from app.db import migrate
from app.domain.lifecycle import Reason, TaskStatus
from app.maintenance import rollup
from app.models import SubtaskDelta
from app.queries import removal, tasks
from app.services import attempts
from tests.support.databases import on_postgresql
from tests.support.world import Pair, World

pytestmark = pytest.mark.usefixtures("no_feeder")

ERROR = {"type": "E", "message": "m", "traceback": None, "attempt": 1}


def shown(world: World, parent: uuid.UUID) -> dict[str, Any] | None:
    """What the parent shows once everything has been added up; statuses without any left out."""
    while rollup.run_once(world.database).left:
        pass
    kept = world.row(parent).subtasks
    names = ("total", *TaskStatus, "progress")
    return kept and {str(name): kept[name] for name in names if kept[name] or name == "progress"}


def start(world: World, *ids: uuid.UUID) -> list[Pair]:
    """Claim these subtasks."""
    world.mark(*ids)
    return [(row.id, row.celery_id) for row in world.claim(*(world.pair(each) for each in ids))]


def unshown(world: World) -> int:
    """Changes that wait to be added up."""
    return int(world.database.execute(select(func.count()).select_from(SubtaskDelta)).one()[0])


def test_a_task_without_subtasks_shows_none_and_writes_nothing_down(world: World) -> None:
    pair = world.running()
    world.report(pair, 50)
    world.settle(pair)
    assert unshown(world) == 0
    assert shown(world, pair[0]) is None


def test_every_change_of_a_subtask_is_shown(world: World) -> None:
    parent = world.add()
    ids = world.add_many(4, parent_id=parent)
    assert shown(world, parent) == {"total": 4, "pending": 4, "progress": 0}
    first, second = start(world, *ids[:2])
    assert shown(world, parent) == {"total": 4, "pending": 2, "running": 2, "progress": 0}
    world.report(first, 33.3)
    assert shown(world, parent) == {"total": 4, "pending": 2, "running": 2, "progress": 8.32}
    world.settle(first)
    world.settle(second, status=TaskStatus.FAILED, error="null")
    world.database.execute(tasks.cancel_if_pending(ids[2:3], None))
    assert shown(world, parent) == {
        "total": 4, "pending": 1, "succeeded": 1, "failed": 1, "revoked": 1, "progress": 75,
    }  # fmt: skip
    world.database.execute(removal.remove_finished([first[0]]))
    assert shown(world, parent) == {
        "total": 3, "pending": 1, "failed": 1, "revoked": 1, "progress": 66.67,
    }  # fmt: skip


def test_a_retried_subtask_is_pending_again(world: World) -> None:
    parent = world.add()
    (child,) = start(world, world.add(parent_id=parent, max_attempts=3))
    world.report(child, 60)
    attempts.give_back(world.database, child, wait_seconds=60, reason=Reason.RETRY, error=ERROR)
    assert shown(world, parent) == {"total": 1, "pending": 1, "progress": 60}


def test_a_parent_whose_last_subtask_is_gone_shows_none(world: World) -> None:
    parent = world.add()
    child = world.add(parent_id=parent)
    assert shown(world, parent)
    world.database.execute(tasks.cancel_if_pending([child], None))
    world.database.execute(removal.remove_finished([child]))
    assert shown(world, parent) is None


def test_what_is_left_of_a_parent_that_is_gone_is_thrown_away(world: World) -> None:
    parent, other = world.add(), world.add()
    world.add(parent_id=parent)
    world.add(parent_id=other)
    world.database.execute(tasks.cancel_if_pending([parent], None))
    world.database.execute(removal.remove_finished([parent]))
    assert shown(world, other) == {"total": 1, "pending": 1, "progress": 0}
    assert unshown(world) == 0


def test_its_own_progress_is_that_of_its_subtasks_and_never_falls(world: World) -> None:
    parent = world.running()
    (child,) = start(world, world.add(parent_id=parent[0]))
    world.report(child, 80)
    shown(world, parent[0])
    assert world.row(parent[0]).progress == 80
    world.add_many(3, parent_id=parent[0])
    assert shown(world, parent[0]) == {"total": 4, "pending": 3, "running": 1, "progress": 20}
    assert world.row(parent[0]).progress == 80
    world.settle(parent)
    world.settle(child)
    shown(world, parent[0])
    assert world.row(parent[0]).progress == 100  # it has returned, whatever its subtasks do


def test_one_that_reports_its_own_keeps_to_it(world: World) -> None:
    parent = world.running()
    world.report(parent, 10)
    (child,) = start(world, world.add(parent_id=parent[0]))
    world.report(child, 80)
    assert shown(world, parent[0]) == {"total": 1, "running": 1, "progress": 80}
    assert world.row(parent[0]).progress == 10


def test_progress_goes_up_to_the_parents_parent(world: World) -> None:
    top = world.running()
    (middle,) = start(world, world.add(parent_id=top[0]))
    (lowest,) = start(world, world.add(parent_id=middle[0]))
    world.report(lowest, 40)
    for task_id in (middle[0], top[0]):
        shown(world, task_id)
    assert [world.row(pair[0]).progress for pair in (top, middle)] == [40, 40]


def test_each_step_of_a_parent_is_a_version_of_it(world: World) -> None:
    parent = world.add()
    for version in (2, 3):
        world.add_many(10, parent_id=parent)
        shown(world, parent)
        assert world.row(parent).version == version
    shown(world, parent)
    assert world.row(parent).version == 3


def test_more_than_one_step_takes_is_added_up_in_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "BATCH", 7)
    parents = world.add_many(3)
    for _ in range(5):
        for parent in parents:
            start(world, world.add(parent_id=parent))
    report = rollup.run_once(world.database)
    assert (report.left, unshown(world)) == (1, 30 - 7)
    for parent in parents:
        assert shown(world, parent) == {"total": 5, "running": 5, "progress": 0}


# SQLite has one writer.
@on_postgresql
def test_a_parent_that_somebody_holds_is_shown_later(world: World) -> None:
    held, free = world.add(), world.add()
    for parent in (held, free):
        world.add(parent_id=parent)
    with world.database.transaction() as connection:
        connection.execute(tasks.lock(held))
        assert rollup.run_once(world.database).parents == 1
    assert world.row(held).subtasks is None
    assert world.row(free).subtasks["total"] == 1
    assert shown(world, held) == {"total": 1, "pending": 1, "progress": 0}


def test_parents_of_an_older_version_show_what_they_have(world: World) -> None:
    parent = world.add()
    first, *_ = start(world, *world.add_many(3, parent_id=parent))
    world.settle(first)
    world.close()
    config = migrate._config()
    command.downgrade(config, "20261125_bulk_operations")
    command.upgrade(config, "head")
    assert shown(world, parent) == {"total": 3, "running": 2, "succeeded": 1, "progress": 33.33}
    world.settle(*start(world, world.add(parent_id=parent)))
    assert shown(world, parent) == {"total": 4, "running": 2, "succeeded": 2, "progress": 50}
