"""What becomes of the slots of schedules made at run time, on both databases: each fires once, or it
is known why not."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from app.core.errors import Conflict
from app.db.clock import now
from app.db.session import Database
from app.domain import cron
from app.domain.lifecycle import TaskStatus
from app.models import Schedule, ScheduleFire, Task, User
from app.queries import schedules as queries
from app.scheduler import firing
from app.services import schedule as service
from app.services.catalogue import catalogue
from tests.integration.test_database_differences import plan
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

ADD = "tests.support.tasks.add"
OWNER = uuid.UUID(int=7)
MINUTE = timedelta(minutes=1)


async def make(db: AsyncSession, **changes: Any) -> Schedule:
    """A schedule of every minute, with some of it changed."""
    fields = {
        "name": "sum", "kind": "interval", "interval_seconds": 60, "celery_task_name": ADD,
        "args": [1, 2], "overlap": "allow", "misfire": "run_once", **changes,
    }  # fmt: skip
    return await service.create(db, fields, user_id=OWNER, by="owner@example.org")


def set_slot(world: World, *, ago: float) -> datetime:
    """Have the slot of every schedule come that many seconds ago."""
    slot = world.now() - timedelta(seconds=ago)
    world.database.execute(update(Schedule).values(next_fire=slot))
    return slot


def tick(world: World) -> list[uuid.UUID]:
    """What one look of a beat fires."""
    return firing.run_once(world.database, {}, catalogue()).fired


def row(world: World) -> Any:
    return world.database.execute(select(Schedule)).one()


def history(world: World) -> list[tuple[datetime, str, datetime | None]]:
    """Slot, what became of it, and until when; oldest first."""
    found = world.database.execute(select(ScheduleFire).order_by(ScheduleFire.fire_at)).all()
    return [(each.fire_at, each.reason or "fired", each.until) for each in found]


async def test_many_beats_fire_many_schedules_once_each(db: AsyncSession, world: World) -> None:
    for number in range(12):
        await make(db, name=f"n{number}")
    set_slot(world, ago=1)
    fired: list[uuid.UUID] = []
    ready = threading.Barrier(4)

    def beat() -> None:
        own = Database()
        ready.wait()
        fired.extend(firing.run_once(own, {}, catalogue()).fired)
        own.close()

    threads = [threading.Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tick(world) == []
    assert len(fired) == len(set(fired)) == 12
    assert world.statuses() == {"pending": 12}


async def test_more_than_are_fired_in_one_look_fire_in_the_next(
    db: AsyncSession, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "MOST_DUE", 2)
    for number in range(5):
        await make(db, name=f"n{number}")
    set_slot(world, ago=1)
    reports = [firing.run_once(world.database, {}, catalogue()) for _ in range(3)]
    assert [len(report.fired) for report in reports] == [2, 2, 1]
    assert [report.wait_seconds for report in reports][:2] == [0.0, 0.0]


async def test_a_clock_that_goes_back_does_not_fire_again(db: AsyncSession, world: World) -> None:
    await make(db)
    slot = set_slot(world, ago=1)
    assert len(tick(world)) == 1
    # As after a restart from what was kept before the firing.
    world.database.execute(update(Schedule).values(next_fire=slot))
    assert tick(world) == []
    assert world.statuses() == {"pending": 1}
    assert row(world).next_fire == slot + MINUTE


async def test_missed_slots_fire_once_together(db: AsyncSession, world: World) -> None:
    await make(db, misfire="run_once")
    slot = set_slot(world, ago=605)
    assert len(tick(world)) == 1
    assert tick(world) == []
    following = slot + 11 * MINUTE
    assert row(world).next_fire == following
    assert history(world) == [(slot, "fired", None), (slot + MINUTE, "missed", following)]


async def test_missed_slots_are_left_out_if_so_wanted(db: AsyncSession, world: World) -> None:
    await make(db, misfire="skip")
    slot = set_slot(world, ago=605)
    assert tick(world) == []
    assert history(world) == [(slot, "missed", slot + 11 * MINUTE)]
    assert row(world).last_fire is None
    # One that is only a little late has not been missed.
    late = set_slot(world, ago=20)
    assert len(tick(world)) == 1
    assert row(world).last_fire == late


async def test_no_new_task_while_the_last_one_has_not_finished(
    db: AsyncSession, world: World
) -> None:
    made_id = (await make(db, overlap="skip")).id
    set_slot(world, ago=1)
    (first,) = tick(world)
    second = set_slot(world, ago=0.5)
    assert tick(world) == []
    assert row(world).next_fire == second + MINUTE
    skipped = world.database.execute(
        select(ScheduleFire).where(ScheduleFire.fire_at == second)
    ).one()
    assert (skipped.reason, skipped.detail, skipped.task_id) == ("overlap", str(first), None)
    with pytest.raises(Conflict, match=str(first)):
        await service.run(db, made_id)
    world.force(first, status=TaskStatus.SUCCEEDED.value)
    ran = await service.run(db, made_id)
    # What somebody has run counts as well.
    set_slot(world, ago=0.25)
    assert tick(world) == []
    world.database.execute(delete(Task).where(Task.id == ran.id))
    set_slot(world, ago=0.1)
    assert len(tick(world)) == 1


async def test_a_paused_schedule_waits_and_then_does_as_its_misfire_says(
    db: AsyncSession, world: World
) -> None:
    made = await make(db, misfire="run_once")
    await service.pause(db, made.id, "op@example.org")
    slot = set_slot(world, ago=125)
    assert tick(world) == []
    await service.resume(db, made.id)
    assert len(tick(world)) == 1
    assert row(world).next_fire == slot + 3 * MINUTE
    await service.edit(db, made.id, {"misfire": "skip"})
    await service.pause(db, made.id, "op@example.org")
    # However short the pause was: what it has kept from firing is not made up for.
    paused = set_slot(world, ago=2)
    resumed = await service.resume(db, made.id)
    assert (resumed.next_fire, resumed.paused_by) == (paused + MINUTE, None)
    assert tick(world) == []
    assert history(world)[-1] == (paused, "missed", paused + MINUTE)
    again = await service.resume(db, made.id)
    assert (again.next_fire, again.version) == (resumed.next_fire, resumed.version)


async def test_pausing_again_keeps_the_first_author(db: AsyncSession, world: World) -> None:
    made = await make(db)
    first = await service.pause(db, made.id, "first@example.org")
    second = await service.pause(db, made.id, "second@example.org")
    assert (second.paused_by, second.version) == ("first@example.org", first.version)


async def test_the_last_slot_is_the_one_before_the_end(db: AsyncSession, world: World) -> None:
    await make(db, interval_seconds=3600, end_at=world.now() + timedelta(minutes=90))
    first = row(world).next_fire
    world.database.execute(update(Schedule).values(next_fire=first - timedelta(hours=2)))
    assert len(tick(world)) == 1
    assert row(world).next_fire == first
    # Of one whose end has come, the last slot still fires, late, and none follows.
    last = first - timedelta(hours=3)
    ended = cron.within(cron.interval(3600), None, last)
    world.database.execute(update(Schedule).values(next_fire=last, definition=ended))
    report = firing.run_once(world.database, {}, catalogue())
    assert (len(report.fired), report.wait_seconds) == (1, None)
    assert row(world).next_fire is None


async def test_once_fires_once(db: AsyncSession, world: World) -> None:
    await make(db, kind="once", interval_seconds=None, at=world.now() + timedelta(hours=1))
    report = firing.run_once(world.database, {}, catalogue())
    assert report.fired == []
    assert report.wait_seconds is not None
    assert 3000 < report.wait_seconds <= 3600
    set_slot(world, ago=0)
    assert len(tick(world)) == 1
    assert (row(world).next_fire, tick(world)) == (None, [])


async def test_a_task_that_is_refused_is_said_and_the_others_go_on(
    db: AsyncSession, world: World
) -> None:
    gone, _ = await make(db), await make(db, name="other")
    changed = {"celery_task_name": "long.gone"}
    world.database.execute(update(Schedule).where(Schedule.id == gone.id).values(**changed))
    set_slot(world, ago=1)
    with capture_logs() as logs:
        assert len(tick(world)) == 1
    assert [line["schedule"] for line in logs if line["log_level"] == "error"] == ["sum"]
    refused = world.database.execute(
        select(ScheduleFire).where(ScheduleFire.schedule_id == gone.id)
    ).one()
    assert refused.reason == "refused"
    assert "'long.gone' is not registered" in refused.detail
    assert tick(world) == []


async def test_one_that_cannot_be_read_does_not_keep_the_others_from_firing(
    db: AsyncSession, world: World
) -> None:
    broken, _ = await make(db), await make(db, name="other")
    lost = {"kind": "cron", "expression": "0 0 * * *", "timezone": "Not/Here"}
    world.database.execute(update(Schedule).where(Schedule.id == broken.id).values(definition=lost))
    set_slot(world, ago=1)
    with capture_logs() as logs:
        report = firing.run_once(world.database, {}, catalogue())
    assert len(report.fired) == 1
    assert report.wait_seconds == firing.REST_SECONDS
    assert [line["schedule"] for line in logs if line["log_level"] == "error"] == ["sum"]


async def test_a_disabled_account_has_nothing_run(db: AsyncSession, world: World) -> None:
    await make(db)
    user = {"id": OWNER, "email": "owner@example.org", "role": "user"}
    world.database.execute(insert(User).values(**user, created_at=now(), disabled_at=now()))
    set_slot(world, ago=1)
    assert tick(world) == []
    (refused,) = world.database.execute(select(ScheduleFire)).all()
    assert (refused.reason, "disabled" in refused.detail) == ("refused", True)


async def test_an_edit_that_lost_to_a_firing_keeps_the_fired_slot(
    db: AsyncSession, world: World
) -> None:
    made = await make(db)
    slot = set_slot(world, ago=1)
    assert len(tick(world)) == 1
    edited = await service.edit(db, made.id, {"priority": 4})
    assert (edited.last_fire, edited.next_fire) == (slot, slot + MINUTE)
    assert len(history(world)) == 1


async def test_old_firings_are_forgotten_some_at_a_time_also_of_what_is_deleted(
    db: AsyncSession, world: World
) -> None:
    made_id = (await make(db)).id
    for _ in range(3):
        await service.run(db, made_id)
    await service.delete(db, made_id)
    assert world.database.execute(queries.prune_fires(3600, 2)).all() == []
    world.database.execute(update(ScheduleFire).values(fired_at=world.now() - timedelta(hours=2)))
    for left in (1, 0):
        world.database.execute(queries.prune_fires(3600, 2))
        assert len(history(world)) == left


async def test_what_is_due_is_found_by_its_index(db: AsyncSession, world: World) -> None:
    """However many schedules there are, a look of a beat reads those that are due."""
    await make(db)
    columns = [column.name for column in Schedule.__table__.columns]
    like = {name: getattr(row(world), name) for name in columns}
    many = [{**like, "id": uuid.uuid4(), "name": f"n{number}"} for number in range(1000)]
    world.database.execute(insert(Schedule).values(many))
    world.database.execute(text("ANALYZE"))
    for statement in (queries.due(10), queries.next_slot()):
        found = plan(world, statement.params(names=["a", "b"]))
        assert "ix_schedules_next_fire" in found, found
