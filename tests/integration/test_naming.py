"""A part of a name: found by what is marked in segments exactly as by reading all names, and fast."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.db import migrate, triggers
from app.db.session import read_session
from app.domain.grams import marks_of, numbers_in
from app.domain.lifecycle import TaskStatus
from app.maintenance import naming
from app.maintenance.invariants import rows as invariants
from app.models import NameMark, NameNote, NameSegment, Task
from app.queries import naming as statements
from app.queries import tasks as queries
from app.queries import ways
from app.queries.filters import TaskFilter
from app.queries.listing import Part
from app.services import listing
from app.services import naming as searching
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue
from app.services.listing import _statement, count_tasks, list_tasks
from tests.integration.test_listing import looked_at
from tests.support.world import NOOP, World

pytestmark = pytest.mark.usefixtures("no_feeder")

OWNER = uuid.UUID(int=1)
SEGMENT = 70
WORDS = [
    "Nightly", "export", "客户", "导出", "100%", "a_b", "O'Neil", '"x"', "back\\slash", "a/b", "🚀",
    "straße", "ÉTÉ", "été", "ΟΔΟΣ", "İ", "K", "-", " ", "7", "42",
]  # fmt: skip


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[AsyncSession]:
    """As requests that read have it."""
    async with read_session() as session:
        yield session


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of few tasks, and few spans a statement."""
    monkeypatch.setattr(naming, "SEGMENT", SEGMENT)
    monkeypatch.setattr(listing, "AT_ONCE", 4)


def named(world: World, names: Sequence[str], **fields: Any) -> list[uuid.UUID]:
    """Tasks of these names, in their order."""
    new = [NewTask(name=name, task_type="t", celery_task_name=NOOP, **fields) for name in names]
    rows = [build_row(each, catalogue()) for each in new]
    with world.database.transaction() as connection:
        for at in range(0, len(rows), 100):
            connection.execute(queries.insert_tasks(rows[at : at + 100]))
    return [row["id"] for row in rows]


def segments(world: World) -> int:
    return len(world.database.execute(statements.segments()).all())


def noted(world: World) -> list[uuid.UUID]:
    return world.database.execute(select(NameNote.c.task_id)).column()


def naively(world: World, text: str) -> list[uuid.UUID]:
    """Every name is read."""
    like = Task.name.icontains(text, autoescape=True)
    return world.database.execute(select(Task.id).where(like).order_by(Task.id.desc())).column()


async def pages(db: AsyncSession, wanted: TaskFilter, *, desc: bool = True) -> list[uuid.UUID]:
    found: list[uuid.UUID] = []
    cursor: str | None = None
    while True:
        page = await list_tasks(db, wanted, order_desc=desc, limit=7, cursor=cursor)
        found += [task.id for task in page.tasks]
        if (cursor := page.next_cursor) is None:
            return found


async def blocks_of(db: AsyncSession, text: str, most: int = 1000) -> int | None:
    """How many spans are looked at."""
    found = await searching.spans(db, text, most)
    return None if found is None else len(found)


@pytest.mark.later
async def test_whatever_text_is_found_as_if_all_names_were_read(
    world: World, db: AsyncSession
) -> None:
    drawn = random.Random(5)

    def name() -> str:
        drawn_name = "".join(drawn.choices(WORDS, k=drawn.randint(1, 5)))
        return drawn.choice([drawn_name, drawn_name.upper(), drawn_name.lower()]).strip() or "x"

    tasks = named(world, [name() for _ in range(4 * SEGMENT + 9)])
    naming.run_once(world.database, 1000)
    assert segments(world) == 4
    for task_id in drawn.sample(tasks, 12):
        world.force(task_id, name=name())
    texts = [*WORDS, "%", "_", "\\", "/", "'", '"', "ss", "i", "ẞ", "nothing like it"]
    for part in [*texts, *(name()[: drawn.randint(1, 9)] for _ in range(60))]:
        expected = naively(world, part)
        wanted = TaskFilter(q=part)
        assert await pages(db, wanted) == expected, part
        assert await pages(db, wanted, desc=False) == expected[::-1], part
        assert (await count_tasks(db, wanted))["total"] == len(expected), part
        skipped = await list_tasks(db, wanted, skip=3, limit=4)
        assert [task.id for task in skipped.tasks] == expected[3:7], part


async def test_a_rare_text_is_looked_for_in_few_blocks(world: World, db: AsyncSession) -> None:
    names = [f"Export {number} for 客户" for number in range(3 * SEGMENT)]
    names[100] = "Export of a needle"
    named(world, names)
    assert await blocks_of(db, "needle") is None
    naming.run_once(world.database, 1000)
    # One block and what is behind the last segment.
    assert await blocks_of(db, "NEEDLE") == 2
    assert await blocks_of(db, "nowhere") == 1
    # Every block has it, and they touch.
    assert await blocks_of(db, "户") == 1
    assert await blocks_of(db, "客户", most=5) is None


async def test_few_tasks_are_looked_at_for_a_rare_text(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "MILESTONE", 100)
    monkeypatch.setattr(naming, "SEGMENT", 630)
    names = [f"Export {number}" for number in range(2600)]
    names[77] = names[1900] = "Export of a needle"
    tasks = named(world, names, user_id=OWNER)
    naming.run_once(world.database, 2500)
    world.database.execute(text("ANALYZE"))
    for wanted in (TaskFilter(), TaskFilter(owner=OWNER), TaskFilter(status=(TaskStatus.PENDING,))):
        asked = replace(wanted, q="needle")
        for order_by in ("created_at", "priority", "name"):
            # Two blocks of ten, and eighty behind the last segment.
            statement = await _statement(db, order_by, asked, Part(limit=21))
            assert looked_at(world, statement) < 400
            page = await list_tasks(db, asked, order_by=order_by)
            assert [task.id for task in page.tasks] == [tasks[1900], tasks[77]]


async def test_what_comes_late_or_is_renamed_is_found_at_once_and_marked_soon(
    world: World, db: AsyncSession
) -> None:
    old = named(world, ["plain"] * SEGMENT)
    naming.run_once(world.database, 1000)
    assert noted(world) == []
    late = world.add(id=uuid.UUID(int=old[30].int + 1), name="a late needle")
    world.database.execute(queries.edit_if(old[5], ["pending"], None, {"name": "Needle"}))
    for _ in range(2):
        assert await pages(db, TaskFilter(q="needle")) == [late, old[5]]
        naming.run_once(world.database, 1000)
    assert noted(world) == []
    assert segments(world) == 1
    assert await blocks_of(db, "needle") == 3


async def test_many_that_are_late_are_found_by_reading_all(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_LATE", 3)
    monkeypatch.setattr(naming, "LATE", 2)
    old = named(world, ["plain"] * SEGMENT)
    naming.run_once(world.database, 1000)
    for task_id in old[:5]:
        world.force(task_id, name="needle")
    assert await blocks_of(db, "needle") is None
    assert len(await pages(db, TaskFilter(q="needle"))) == 5
    assert naming.run_once(world.database, 1000).marked == 5
    assert await pages(db, TaskFilter(q="needle")) == old[4::-1]


async def test_whoever_writes_while_a_segment_is_made_is_found(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = named(world, ["plain"] * SEGMENT)

    def meanwhile(blocks: Any) -> Any:
        found = marks_of([*blocks])
        monkeypatch.setattr(naming, "marks_of", marks_of)
        world.force(tasks[3], name="needle")
        world.add(id=uuid.UUID(int=tasks[40].int + 1), name="needle too")
        return found

    monkeypatch.setattr(naming, "marks_of", meanwhile)
    naming.run_once(world.database, 1000)
    assert segments(world) == 1
    assert len(await pages(db, TaskFilter(q="needle"))) == 2
    naming.run_once(world.database, 1000)
    assert noted(world) == []
    assert len(await pages(db, TaskFilter(q="needle"))) == 2


@pytest.mark.parametrize("gone_seconds", [60, -60])
def test_of_two_that_make_a_segment_one_does(
    world: World, monkeypatch: pytest.MonkeyPatch, gone_seconds: float
) -> None:
    """The first one, or, if that one is taken for dead, the second."""
    monkeypatch.setattr(naming, "GONE_SECONDS", gone_seconds)
    named(world, ["plain"] * SEGMENT)
    made: list[int] = []

    def meanwhile(blocks: Any) -> Any:
        found = marks_of([*blocks])
        monkeypatch.setattr(naming, "marks_of", marks_of)
        made.append(naming.run_once(world.database, 1000).marked)
        return found

    monkeypatch.setattr(naming, "marks_of", meanwhile)
    made.append(naming.run_once(world.database, 1000).marked)
    assert made == ([0, SEGMENT] if gone_seconds > 0 else [SEGMENT, 0])
    found = world.database.execute(select(NameSegment.id, NameSegment.last_id)).all()
    assert [row.last_id is not None for row in found] == [True]
    marks = world.database.execute(select(NameMark.segment_id).distinct()).column()
    assert marks == [found[0].id]


def test_segments_are_forgotten_with_their_tasks(world: World) -> None:
    tasks = named(world, ["plain"] * 3 * SEGMENT)
    naming.run_once(world.database, 1000)
    naming.forget(world.database)
    assert segments(world) == 3
    world.database.execute(delete(Task).where(Task.id.in_(tasks[SEGMENT:])))
    naming.forget(world.database)
    # The first has its tasks, the last says how far names are marked.
    assert segments(world) == 2
    world.database.execute(delete(Task))
    naming.forget(world.database)
    assert segments(world) == 1


async def test_an_id_of_the_far_future_makes_nobody_late(world: World, db: AsyncSession) -> None:
    far = world.add(id=uuid.UUID(int=(1 << 128) - 5), name="a needle of 2999")
    named(world, ["plain"] * SEGMENT)
    naming.run_once(world.database, 1000)
    assert segments(world) == 1
    new = world.add(name="needle")
    naming.run_once(world.database, 1000)
    assert await pages(db, TaskFilter(q="needle")) == [far, new]


async def test_names_from_before_the_upgrade_are_found_and_marked(
    world: World, db: AsyncSession
) -> None:
    (needle, *_) = named(world, ["needle", *["plain"] * SEGMENT])
    world.close()
    command.downgrade(migrate._config(), "20261125_bulk_operations")
    assert migrate.upgrade().state == "current"
    assert await pages(db, TaskFilter(q="needle")) == [needle]
    assert naming.run_once(world.database, 1000).marked == SEGMENT
    assert await pages(db, TaskFilter(q="needle")) == [needle]


async def test_what_was_written_without_triggers_is_mended(world: World, db: AsyncSession) -> None:
    tasks = named(world, ["plain"] * (SEGMENT + 5))
    naming.run_once(world.database, 1000)
    assert invariants.misnamed(world.database, [], 0) == []
    with world.database.transaction() as connection:
        triggers.remove(connection, "name_notes")
        connection.execute(update(Task).where(Task.id == tasks[7]).values(name="needle"))
        triggers.install(connection)
    assert await pages(db, TaskFilter(q="needle")) == []
    (suspect,) = invariants.misnamed(world.database, [], 0)
    assert suspect.rule == "names"
    assert naming.mend(world.database) == 1
    assert await pages(db, TaskFilter(q="needle")) == [tasks[7]]
    assert await blocks_of(db, "needle") == 2
    assert segments(world) == 2
    assert naming.mend(world.database) == 0
    world.force(tasks[9], name="another needle")
    assert invariants.misnamed(world.database, [], 0) == []


def test_of_many_segments_a_look_reads_some_and_each_has_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(world, ["plain"] * 5 * SEGMENT)
    naming.run_once(world.database, 1000)
    monkeypatch.setattr(invariants, "MOST_SEGMENTS", 2)
    looked: list[Any] = []
    monkeypatch.setattr(naming, "is_wrong", lambda _, segment: looked.append(segment.id))
    notes: list[str] = []
    for chance in (7, 8, 9):
        assert invariants.misnamed(world.database, notes, chance) == []
    assert len(looked) == len(set(looked)) == 5
    assert notes[0].startswith("of 5 segments of names 2 were looked at")


def test_a_segment_with_far_too_many_tasks_is_made_anew(world: World) -> None:
    tasks = named(world, ["plain"] * SEGMENT)
    naming.run_once(world.database, 1000)
    for number in range(1, SEGMENT + 1):
        world.add(id=uuid.UUID(int=tasks[30].int + number), name="plain")
    naming.run_once(world.database, 1000)
    assert naming.mend(world.database) == 1
    assert segments(world) == 2


async def test_while_all_is_made_anew_all_names_are_read(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = named(world, ["needle", *["plain"] * SEGMENT])
    naming.run_once(world.database, 1000)

    def dropped(text: str) -> set[int]:
        world.database.execute(statements.drop_segments())
        return numbers_in(text)

    monkeypatch.setattr(searching, "numbers_in", dropped)
    assert await pages(db, TaskFilter(q="needle")) == tasks[:1]


def test_nothing_is_noted_that_does_not_touch_names(world: World) -> None:
    task_id = world.add(name="plain")
    world.database.execute(delete(NameNote))
    world.mark(task_id)
    world.claim(world.pair(task_id))
    world.force(task_id, priority=3, progress=7)
    assert noted(world) == []
