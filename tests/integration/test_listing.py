"""Lists: whatever is asked for, by whatever way it is found, it is what there is, and found fast."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from app.core.config import Settings, get_settings
from app.db import ids
from app.db.session import read_session
from app.domain.lifecycle import ACTIVE, TaskStatus
from app.maintenance import naming
from app.models import Task
from app.queries import tasks as queries
from app.queries import ways
from app.queries.filters import TaskFilter
from app.queries.listing import After, Part
from app.services import listing
from app.services.listing import ORDERS, _statement, count_tasks, list_tasks
from tests.support.databases import on_postgresql
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

OWNERS = [uuid.UUID(int=number) for number in (1, 2)]
PARENTS = [uuid.UUID(int=number) for number in (11, 12)]
CHOICES: dict[str, list[Any]] = {
    "owner": [None, None, *OWNERS],
    "task_type": [None, None, None, "one", "two"],
    "queue": [None, None, None, "default", "lane"],
    "priority": [None, None, None, 1, 3],
    "tag": [None, None, None, "red", "blue"],
    "owner_ref": [None, None, None, "order-1", "order-2"],
    "parent_id": [None, None, None, None, *PARENTS],
    "q": [None, None, None, "ap", "%"],
}


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[AsyncSession]:
    """As requests that read have it: on SQLite it keeps nobody from writing."""
    async with read_session() as session:
        yield session


@pytest.fixture(params=[1000, 3], ids=["few", "many"])
def milestone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many tasks are few."""
    monkeypatch.setattr(ways, "MILESTONE", request.param)


def mixed(world: World, count: int = 70) -> None:
    """Tasks of all kinds, the older ones created an hour apart."""
    drawn = random.Random(7)
    begin = world.now() - timedelta(hours=count)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        created = begin + timedelta(hours=number)
        tags = drawn.sample(["red", "blue"], drawn.randrange(3))
        rows.append(
            {
                "id": ids.first_of(created),
                "name": drawn.choice(["apple", "100% grape", "pear"]),
                "task_type": drawn.choice(["one", "two"]),
                "queue": drawn.choice(["default", "lane"]),
                "priority": drawn.choice([1, 2, 3]),
                "user_id": drawn.choice([None, *OWNERS]),
                "owner_ref": drawn.choice([None, "order-1", "order-2"]),
                "tags": tags,
                "parent_id": drawn.choice([None, *PARENTS]),
                "status": drawn.choice(list(TaskStatus)).value,
                "created_at": created,
                "updated_at": created + timedelta(minutes=drawn.randrange(600)),
            }
        )
    world.add_all(rows)
    world.database.execute(
        queries.insert_tags([(row["id"], tag) for row in rows for tag in row["tags"]])
    )


def filters(count: int, now: datetime) -> Iterator[TaskFilter]:
    drawn = random.Random(11)
    for _ in range(count):
        chosen = {name: drawn.choice(values) for name, values in CHOICES.items()}
        statuses = drawn.sample(list(TaskStatus), drawn.choice([0, 0, 1, 2, 4]))
        times: dict[str, Any] = {
            name: drawn.choice([None, None, now - timedelta(hours=drawn.randrange(70))])
            for name in ("created_after", "created_before")
        }
        yield TaskFilter(status=tuple(statuses), **chosen, **times)


def fitting(world: World, wanted: TaskFilter) -> list[Any]:
    """Looked for by hand, in Python, newest first."""
    found = []
    rows: Any = world.database.execute(select(Task)).all()
    for row in rows:
        early = wanted.created_after is not None and row.created_at < wanted.created_after
        late = wanted.created_before is not None and row.created_at >= wanted.created_before
        named = wanted.q is None or wanted.q in row.name
        if wanted.fits(row) and named and not early and not late:
            found.append(row)
    return sorted(found, key=lambda row: row.id, reverse=True)


@pytest.fixture
def some(world: World, milestone: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """Most of them in segments of names; two spans of ids are a statement."""
    monkeypatch.setattr(naming, "SEGMENT", 20)
    monkeypatch.setattr(listing, "AT_ONCE", 2)
    mixed(world)
    naming.run_once(world.database, 1000)
    return world


async def test_every_filter_finds_what_fits(some: World, db: AsyncSession) -> None:
    sizes = []
    for wanted in filters(150, some.now()):
        expected = fitting(some, wanted)
        page = await list_tasks(db, wanted)
        assert [task.id for task in page.tasks] == [row.id for row in expected], wanted
        counts = await count_tasks(db, wanted)
        assert counts.pop("total") == len(expected), wanted
        statuses = [row.status for row in expected]
        assert counts == {status.value: statuses.count(status) for status in TaskStatus}, wanted
        sizes.append(len(expected))
    assert sum(size > 5 for size in sizes) > 30


@pytest.mark.parametrize("order_by", ORDERS)
@pytest.mark.parametrize("desc", [True, False])
async def test_pages_in_every_order_are_the_whole_list_once(
    some: World, db: AsyncSession, order_by: str, desc: bool
) -> None:
    for wanted in filters(12, some.now()):
        rows = fitting(some, replace(wanted, q=None))
        key = "id" if order_by == "created_at" else order_by
        rows.sort(key=lambda row: (getattr(row, key), row.id), reverse=desc)
        seen: list[uuid.UUID] = []
        wanted, cursor = replace(wanted, q=None), None
        while len(seen) <= len(rows):
            page = await list_tasks(
                db, wanted, order_by=order_by, order_desc=desc, limit=4, cursor=cursor
            )
            seen += [task.id for task in page.tasks]
            if (cursor := page.next_cursor) is None:
                break
        assert seen == [row.id for row in rows], (wanted, order_by, desc)


async def test_places_may_be_skipped(some: World, db: AsyncSession) -> None:
    wanted = TaskFilter(owner=OWNERS[0], status=tuple(TaskStatus))
    expected = [row.id for row in fitting(some, wanted)]
    page = await list_tasks(db, wanted, skip=5, limit=3)
    assert [task.id for task in page.tasks] == expected[5:8]


def test_every_filter_has_its_way() -> None:
    without_one = {"q", "created_after", "created_before"}
    for each in fields(TaskFilter):
        value: Any = (TaskStatus.FAILED,) if each.name == "status" else OWNERS[0]
        wanted = replace(TaskFilter(), **{each.name: value})
        assert bool(ways.ways(wanted)) is (each.name not in without_one)


# Found fast


LARGE = 12_000


@pytest.fixture
def large(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Thousands of tasks, all alike and finished but for two that run; and a few rare, older ones."""
    monkeypatch.setattr(ways, "MILESTONE", 100)
    for status in TaskStatus:
        task_id = world.add(
            function="tests.support.tasks.echo", user_id=OWNERS[1], tags=["rare"], **RARE
        )
        world.force(task_id, status=status.value)
        world.database.execute(queries.insert_tags([(task_id, "rare")]))
    common: dict[str, Any] = {
        "user_id": OWNERS[0],
        "owner_ref": "common",
        "parent_id": PARENTS[1],
        "tags": ["common"],
    }
    world.settle(world.running(**common))
    multiply(world, "common", LARGE)
    world.database.execute(
        text(
            "INSERT INTO task_tags (tag, task_id) "
            "SELECT 'common', id FROM tasks WHERE owner_ref = 'common'"
        )
    )
    world.running(**common)
    world.running()
    world.database.execute(text("ANALYZE"))
    return world


def multiply(world: World, owner_ref: str, times: int) -> None:
    """So many later tasks like the one of that `owner_ref`."""
    columns = [column.name for column in Task.__table__.columns if column.name != "id"]
    names = ", ".join(columns)
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times}) "
        "SELECT i FROM n"
    )
    later_id = (
        "'f' || substr(lower(hex(randomblob(16))), 2)"
        if get_settings().is_sqlite
        else "overlay(gen_random_uuid()::text placing 'f' from 1 for 1)::uuid"
    )
    world.database.execute(
        text(
            f"INSERT INTO tasks (id, {names}) SELECT {later_id}, {names} FROM tasks, ({numbers}) x "
            f"WHERE owner_ref = '{owner_ref}'"
        )
    )


RARE: dict[str, Any] = {
    "task_type": "rare",
    "queue": "lane",
    "priority": 4,
    "owner_ref": "rare",
    "parent_id": PARENTS[0],
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a rare owner": {"owner": OWNERS[1]},
    "a common owner": {"owner": OWNERS[0]},
    "celery_task_name": {"celery_task_name": "tests.support.tasks.echo"},
    "tag": {"tag": "rare"},
    **{name: {name: value} for name, value in RARE.items()},
    "all of it": RARE,
    "failed": {"status": (TaskStatus.FAILED,)},
    "succeeded": {"status": (TaskStatus.SUCCEEDED,)},
    "pending": {"status": (TaskStatus.PENDING,)},
    "active": {"status": tuple(ACTIVE)},
    "active or failed": {"status": (*ACTIVE, TaskStatus.FAILED)},
    "a common owner's active": {"owner": OWNERS[0], "status": tuple(ACTIVE)},
    "a common owner's failed": {"owner": OWNERS[0], "status": (TaskStatus.FAILED,)},
    "a common owner's rare": {"owner": OWNERS[0], "tag": "rare"},
    "common by all, but rare": {
        "owner": OWNERS[0], "status": (TaskStatus.SUCCEEDED,), "tag": "common", "priority": 4,
    },
}  # fmt: skip


@pytest.mark.later
async def test_a_page_costs_the_same_however_many_tasks_there_are(
    large: World, db: AsyncSession
) -> None:
    for asked, conditions in QUESTIONS.items():
        wanted = TaskFilter(**conditions)
        for desc in (True, False):
            statement = await _statement(db, "created_at", wanted, Part(desc=desc, limit=21))
            assert looked_at(large, statement) < 1000, (asked, statement)
            if among := ways.ways(wanted):
                milestones = ways.milestones(among, wanted, None, desc=desc)
                assert looked_at(large, milestones) < 1000, asked
        found = {row.id for row in fitting(large, wanted)}
        page = await list_tasks(db, wanted, limit=20)
        assert {task.id for task in page.tasks} <= found, asked
        assert len(page.tasks) == min(20, len(found)), asked


async def test_the_order_of_priority_is_read_off_an_index(large: World, db: AsyncSession) -> None:
    asked: list[dict[str, Any]] = [{}, {"owner": OWNERS[0]}, {"owner": OWNERS[1]}, {"tag": "rare"}]
    for conditions in asked:
        wanted = TaskFilter(**conditions)
        first = await list_tasks(db, wanted, order_by="priority", limit=3)
        last = first.tasks[-1]
        for after in (None, After(last.priority, last.id)):
            part = Part(limit=21, after=after)
            statement = await _statement(db, "priority", wanted, part)
            assert looked_at(large, statement) < 1000, conditions


@pytest.mark.parametrize("status", [(TaskStatus.PENDING,), (TaskStatus.PENDING, TaskStatus.FAILED)])
async def test_a_crowd_that_the_statistics_do_not_know_is_found_at_once(
    world: World, db: AsyncSession, status: tuple[TaskStatus, ...]
) -> None:
    """A database that expects nobody of a type must not compare each with everybody who waits."""
    world.add(task_type="old", owner_ref="old")
    multiply(world, "old", 3000)
    world.database.execute(text("ANALYZE"))
    world.database.execute(text("DELETE FROM tasks"))
    world.force(world.add(task_type="new", owner_ref="ended"), status=TaskStatus.SUCCEEDED.value)
    multiply(world, "ended", 400)
    world.add(task_type="new", owner_ref="new")
    multiply(world, "new", 800)
    statement = await listing.matching(db, TaskFilter(task_type="new", status=status), 5000, None)
    assert looked_at(world, statement) < 10_000
    assert len((await db.scalars(statement)).all()) == 801


def looked_at(world: World, statement: Any) -> int:
    """About how many rows the database looks at for it."""
    with world.database.transaction() as connection:
        compiled = statement.compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        # The driver takes a single % for a place.
        sql = str(compiled)
        if get_settings().is_sqlite:
            return _steps(connection, sql) // 20
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").scalar_one()
        return _rows(plan[0]["Plan"])


def _steps(connection: Connection, sql: str) -> int:
    """What SQLite's machine does for it; a row takes some ten to forty steps."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 100

    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(count, 100)
    try:
        connection.exec_driver_sql(sql).all()
    finally:
        driver.set_progress_handler(None, 0)
    return steps


def _rows(node: dict[str, Any]) -> int:
    """What the leaves of a plan have read, and its joins have compared in vain."""
    inner = node.get("Plans", [])
    removed = sum(
        node.get(f"Rows Removed by {by}", 0) for by in ("Filter", "Index Recheck", "Join Filter")
    )
    is_leaf = "Scan" in node["Node Type"] and node["Node Type"] not in ("Subquery Scan", "CTE Scan")
    kept = node["Actual Rows"] if is_leaf else 0
    return int((kept + removed) * node["Actual Loops"]) + sum(map(_rows, inner))


# Times


async def test_times_are_those_of_the_database(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose clock is a day fast or slow: its tasks stand where they belong."""
    task_ids = [world.add()]
    for wrong in (86_400, -86_400):
        with monkeypatch.context() as patch:
            set_clock(patch, wrong)
            ids.learn(world.now())
            task_ids.append(world.add())
    ids.learn(world.now())
    task_ids.append(world.add())
    page = await list_tasks(db, TaskFilter(), order_desc=False)
    assert [task.id for task in page.tasks] == task_ids
    now = world.now()
    lately = TaskFilter(created_after=now - timedelta(minutes=5), created_before=now)
    assert len((await list_tasks(db, lately)).tasks) == 4


def set_clock(patch: pytest.MonkeyPatch, wrong: int) -> None:
    """This machine's clock is that many seconds fast."""
    right = time.time_ns
    drawn = lambda: uuid.UUID(int=uuid7().int + (wrong * 1000 << 80))  # noqa: E731
    patch.setattr(ids, "uuid7", drawn)
    patch.setattr("app.db.ids.time.time_ns", lambda: right() + wrong * 10**9)


def test_ids_follow_a_clock_that_is_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    ids.learn(now + timedelta(hours=3))
    first, second = ids.new_id(), ids.new_id()
    assert ids.first_of(now + timedelta(hours=3)) <= first < second
    ids.learn(now - timedelta(seconds=3))  # an answer that was long on its way
    assert ids.before(60) < ids.first_of(now) <= ids.new_id() < first


# SQLite plans without looking at the values.
@on_postgresql
async def test_a_page_is_planned_for_what_is_asked(
    settings: Settings, world: World, db: AsyncSession
) -> None:
    """A plan for whatever may be asked expects to read a tenth of the table."""
    for _ in range(15):
        await list_tasks(db, TaskFilter(owner=OWNERS[0]), limit=10)
    counted = await db.execute(
        text(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements "
            "WHERE statement LIKE '%task_entries%'"
        )
    )
    plans = counted.all()
    assert sum(custom for _, custom in plans) > 1
    assert [generic for generic, _ in plans] == [0]
