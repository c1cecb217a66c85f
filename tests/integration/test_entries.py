"""The entries of tasks, by which lists find them: kept by triggers, mended where those were missing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, Table, delete, insert, select, text
from uuid_utils.compat import uuid7

from app.core.config import get_settings
from app.db import migrate, triggers
from app.maintenance import entries
from app.models import Task, TaskEntry
from app.queries import removal
from app.queries import tasks as queries
from app.queries.entries import left_over, unlisted
from tests.support.databases import on_postgresql
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

OWNER = uuid.UUID(int=1)


def listed(world: World) -> dict[uuid.UUID, tuple[Any, ...]]:
    rows = world.database.execute(select(*TaskEntry.__table__.columns)).all()
    return {row[0]: tuple(row[1:]) for row in rows}


def agree(world: World) -> bool:
    """Whether there is an entry for each task, alike, and no more."""
    names = [column.key for column in TaskEntry.__table__.columns]
    rows = world.database.execute(select(*(getattr(Task, name) for name in names))).all()
    return listed(world) == {row[0]: tuple(row[1:]) for row in rows}


def test_entries_follow_their_tasks(world: World) -> None:
    first, second, third = world.add_many(3, user_id=OWNER, owner_ref="order-1")
    assert agree(world)
    assert len(listed(world)) == 3
    edit = {"priority": 4, "owner_ref": None, "queue": "lane"}
    world.database.execute(queries.edit_if(first, ["pending"], None, edit))
    assert listed(world)[first][-3:] == ("lane", 4, None)
    world.force(second, task_type="other", user_id=None)
    world.database.execute(removal.remove_if_not_running([third], None))
    world.settle(world.running(queue="lane"))
    assert agree(world)
    world.database.execute(delete(Task))
    assert listed(world) == {}


def test_a_table_that_is_emptied_has_no_entries(world: World) -> None:
    world.add_many(2)
    if get_settings().is_sqlite:
        world.database.execute(text("DELETE FROM tasks"))
    else:
        world.database.execute(text("TRUNCATE tasks CASCADE"))
    assert listed(world) == {}


# Only PostgreSQL tells where a row lies.
@on_postgresql
def test_starting_and_ending_writes_no_entry(world: World) -> None:
    task_id = world.add()
    place = text("SELECT ctid::text FROM task_entries")
    before = world.database.execute(place).one()
    world.mark(task_id)
    (row,) = world.claim(world.pair(task_id))
    world.report((row.id, row.celery_id), 50)
    world.settle((row.id, row.celery_id))
    assert world.database.execute(place).one() == before


def copied(world: World, task_id: uuid.UUID) -> None:
    """One more row like this one, in whatever columns the table has."""
    new = {name: uuid7() for name in ("id", "celery_id")}
    with world.database.transaction() as connection:
        tasks = Table("tasks", MetaData(), autoload_with=connection)
        stored = {name: each if world.is_postgresql else each.hex for name, each in new.items()}
        old = task_id if world.is_postgresql else task_id.hex
        row = connection.execute(select(tasks).where(tasks.c.id == old)).mappings().one()
        connection.execute(insert(tasks).values({**row, **stored}))


def test_rows_from_before_the_upgrade_are_listed(world: World) -> None:
    world.settle(world.running(user_id=OWNER))
    some, _ = world.add_many(2, owner_ref="order-1")
    world.close()
    command.downgrade(migrate._config(), "20261125_bulk_keys")
    copied(world, some)
    world.close()
    assert migrate.upgrade().state == "current"
    assert agree(world)
    assert len(listed(world)) == 4
    world.add()
    assert agree(world)


def test_what_was_written_without_triggers_is_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "PAGE", 4)
    kept = world.add_many(5)
    gone, edited = world.add_many(2)
    with world.database.transaction() as connection:
        triggers.remove(connection, "task_entries")
    new = world.add_many(6, owner_ref="order-1")
    world.force(edited, queue="lane")
    world.database.execute(delete(Task).where(Task.id == gone))
    with world.database.transaction() as connection:
        triggers.install(connection)
    nowhere = uuid.UUID(int=0)
    assert set(world.database.execute(unlisted(nowhere, None, 99)).column()) == {*new, edited}
    assert world.database.execute(left_over(99)).column() == [gone]
    assert entries.mend(world.database) == 8
    assert agree(world)
    assert set(kept) < set(listed(world))
    assert entries.mend(world.database) == 0
