"""What the two databases spell differently comes to the same, and the indexes are used."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import bindparam, literal, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ClauseElement

from app.core.config import get_settings
from app.db.base import Timestamp
from app.db.clock import after, micros, new_uuid, now
from app.db.session import Database
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Reason
from app.domain.rank import Priority, offset
from app.models import Queue, Task
from app.queries import (
    counting,
    dependencies,
    due,
    explaining,
    feed,
    lanes,
    leases,
    metrics,
    removal,
    tasks,
    uniqueness,
)
from app.services import attempts
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.processes import wait_until
from tests.support.world import Pair, World


def value(world: World, expression: Any) -> Any:
    """What the database makes of an expression."""
    return world.database.execute(select(expression)).one()[0]


# -- the clock ------------------------------------------------------------------------------


def test_the_clock_is_the_present_in_utc(world: World) -> None:
    found = value(world, now())
    assert found.tzinfo is UTC
    assert abs(found - datetime.now(UTC)) < timedelta(seconds=2)


def test_the_clock_moves_within_a_transaction(world: World) -> None:
    """A lease computed from the transaction's start would be partly over after a lock wait."""
    with world.database.transaction() as connection:
        first = connection.execute(select(now())).scalar_one()
        time.sleep(0.05)  # what the clock must show
        assert connection.execute(select(now())).scalar_one() - first >= timedelta(seconds=0.04)


def test_a_lease_taken_after_a_lock_wait_is_whole(world: World) -> None:
    pair = world.running()
    other = Database()
    with world.database.transaction() as connection:
        connection.execute(tasks.lock(pair[0]))
        thread = threading.Thread(target=lambda: other.execute(leases.renew([pair], 60.0)))
        thread.start()
        time.sleep(1)  # how long it waits for the lock
        released = world.now()
    thread.join(timeout=10)
    other.close()
    assert world.row(pair[0]).lease_until - released > timedelta(seconds=59.5)


@pytest.mark.parametrize("seconds", [0.0, 0.25, 30.0, 86_400.0 * 400, -60.0])
def test_a_moment_so_many_seconds_from_now(world: World, seconds: float) -> None:
    difference = value(world, after(seconds)) - value(world, now())
    assert abs(difference - timedelta(seconds=seconds)) < timedelta(seconds=1)


def test_seconds_may_be_a_parameter(world: World) -> None:
    statement = select(after(bindparam("wait")))
    found = world.database.execute(statement, {"wait": 60.0}).one()[0]
    assert found > world.now() + timedelta(seconds=50)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC),
        datetime(1999, 12, 31, tzinfo=UTC),
        datetime(2200, 1, 1, 0, 0, 0, 1, UTC),
    ],
)
def test_an_instant_comes_back_exactly(world: World, moment: datetime) -> None:
    task_id = world.add()
    world.force(task_id, started_at=moment)
    assert world.row(task_id).started_at == moment
    as_micros = value(world, micros(literal(moment, Timestamp())))
    assert as_micros == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_an_instant_of_another_zone_is_the_same_instant(world: World) -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
    task_id = world.add()
    world.force(task_id, started_at=moment)
    found = world.row(task_id).started_at
    assert (found, found.tzinfo) == (moment, UTC)


def test_a_rank_in_sql_is_the_rank_of_the_domain(world: World) -> None:
    moment = world.now()
    for priority in Priority:
        found = value(
            world, tasks.rank_of(literal(moment, Timestamp()), literal(int(priority)), 3600.0)
        )
        assert found == value(world, micros(literal(moment, Timestamp()))) - offset(priority, 3600)


# -- other expressions ----------------------------------------------------------------------


def test_each_row_of_a_statement_gets_an_id_of_its_own(world: World) -> None:
    ids = world.add_many(5)
    world.mark(*ids)
    world.database.execute(feed.unmark_queue("default"))
    found = {world.pair(task_id)[1] for task_id in ids}
    assert len(found) == 5
    assert all(isinstance(each, uuid.UUID) for each in found)
    assert isinstance(value(world, new_uuid()), uuid.UUID)


def test_an_upsert_inserts_once_and_updates_then(world: World) -> None:
    def put(slots: int) -> None:
        statement = upsert(Queue).values(name="q", slots=slots)
        world.database.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"slots": slots})
        )

    put(1)
    put(7)
    rows = world.database.execute(select(Queue.slots).where(Queue.name == "q")).all()
    assert [row.slots for row in rows] == [7]


def test_of_two_that_take_a_duty_one_has_it(world: World) -> None:
    def take(holder: str, seconds: float = 30.0) -> bool:
        statement = leases.take_duty("maintenance", holder, seconds)
        return world.database.execute(statement).first() is not None

    assert take("a", 1.0)
    assert not take("b")
    wait_until(lambda: take("b"), timeout=5, what="the duty is free")
    assert not take("a")
    assert take("b")
    world.database.execute(leases.release_duties("b"))
    assert take("a")


@pytest.mark.parametrize("payload", ["中文 ' \" \\ \n", "\U0001f600", "x" * 100_000])
def test_text_comes_back_exactly(world: World, payload: str) -> None:
    task_id = world.add("tests.support.tasks.echo", kwargs={"text": payload})
    assert world.row(task_id).kwargs == {"text": payload}


def test_large_integers_and_the_order_of_keys_come_back_exactly(world: World) -> None:
    task_id = world.add("tests.support.tasks.echo", kwargs={"b": 2**200, "a": -(2**63), "c": 0.1})
    kwargs = world.row(task_id).kwargs
    assert list(kwargs) == ["b", "a", "c"]
    assert kwargs["b"] == 2**200


@pytest.mark.parametrize(
    "wrong", [{"status": "lost"}, {"priority": 5}, {"progress": 101.0}, {"progress": -1.0}]
)
def test_the_database_itself_refuses_what_cannot_be(world: World, wrong: dict[str, Any]) -> None:
    task_id = world.add()
    with pytest.raises(IntegrityError):
        world.force(task_id, **wrong)


def test_a_tasks_own_rows_go_with_it(world: World) -> None:
    pair = world.running(max_attempts=2)
    attempts.give_back(world.database, pair, wait_seconds=0, reason=Reason.RETRY, error=None)
    assert len(world.history(pair[0])) == 1
    world.database.execute(removal.remove_if_not_running([pair[0]], None))
    assert world.history(pair[0]) == []


def test_a_writer_waits_for_another_and_does_not_fail(world: World) -> None:
    """Also on SQLite, where reading first and writing later would fail at once."""
    ids = world.add_many(2)
    errors: list[BaseException] = []

    def read_then_write(task_id: uuid.UUID) -> None:
        database = Database()
        try:
            for _ in range(10):
                with database.transaction() as connection:
                    version = connection.execute(tasks.lock(task_id)).one().version
                    changes = {"name": f"v{version}"}
                    connection.execute(tasks.edit_if(task_id, ["pending"], version, changes))
        except BaseException as error:  # noqa: BLE001 - reported by the test
            errors.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=read_then_write, args=(each,)) for each in (*ids, *ids)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [world.row(task_id).version for task_id in ids] == [21, 21]


# -- indexes --------------------------------------------------------------------------------


@pytest.fixture
def full(world: World) -> World:
    """Many finished rows, among which the few that matter would be slow to find."""
    first = world.running()
    world.settle(first)
    columns = [column.name for column in Task.__table__.columns if column.name != "id"]
    names = ", ".join(columns)
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "SELECT i FROM n"
    )
    new_id = "lower(hex(randomblob(16)))" if get_settings().is_sqlite else "gen_random_uuid()"
    world.database.execute(
        text(f"INSERT INTO tasks (id, {names}) SELECT {new_id}, {names} FROM tasks, ({numbers}) x")
    )
    world.add_many(5)
    world.database.execute(text("ANALYZE"))
    return world


def plan(world: World, statement: ClauseElement) -> str:
    """How the database would execute a statement."""
    explain = "EXPLAIN QUERY PLAN" if get_settings().is_sqlite else "EXPLAIN"
    with world.database.transaction() as connection:
        compiled = statement.compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        rows = connection.exec_driver_sql(f"{explain} {compiled}")
        return "\n".join(str(tuple(row)) for row in rows)


def _counted_for_an_owner() -> ClauseElement:
    statement, parameters = counting.count_maintained(uuid.uuid4())
    return statement.params(parameters)


_IN_QUEUE = Task(id=uuid.UUID(int=1), queue="default", rank=1, dispatched_at=None)


@on_sqlite
@pytest.mark.parametrize("statement", [tasks.hold, tasks.visible, tasks.cancel_if_pending])
def test_rows_that_are_named_by_their_ids_are_looked_up(full: World, statement: Any) -> None:
    """SQLite uses no index for a condition that is compared with 1."""
    assert "SCAN tasks" not in plan(full, statement([uuid.uuid4()], uuid.uuid4()))


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (lambda: feed.waiting().params(queue_name="default", room=10), "ix_tasks_waiting"),
        (lambda: feed.outstanding().params(queue_name="default"), "ix_tasks_marked"),
        (lambda: feed.queues_with_marks(), "ix_tasks_marked"),
        (lambda: due.look(), "ix_tasks_not_ready"),
        (lambda: due.look(), "ix_tasks_waiting"),
        (lambda: due.look(), "ix_tasks_due"),
        (lambda: feed.rank_ready(None, 3600, 10), "ix_tasks_not_ready"),
        (lambda: leases.lease_over(10), "ix_tasks_running"),
        (lambda: leases.cancels(["w1"]), "ix_tasks_running"),
        (lambda: feed.expire(10), "ix_tasks_expiring"),
        (lambda: removal.remove_where_requested(10), "ix_tasks_deleting"),
        (lambda: dependencies.due(1, lock=False), "ix_tasks_due"),
        (lambda: dependencies.due(1000), "ix_tasks_due"),
        (lambda: uniqueness.holders(["k"]), "ix_tasks_unique_key"),
        (lambda: explaining.ahead(_IN_QUEUE, 2, 1000), "ix_tasks_waiting"),
        (lambda: explaining.ahead(_IN_QUEUE, 2, 1000), "ix_tasks_marked"),
        (lambda: explaining.running_on(["w1"]), "ix_tasks_running"),
        (lambda: lanes.others_wait(than_system=True), "ix_tasks_active"),
        (lambda: metrics.next_waiting().params(queue_name="default", most=10), "ix_tasks_waiting"),
        (lambda: metrics.marked(), "ix_tasks_marked"),
        (lambda: metrics.not_ready().params(most=10), "ix_tasks_not_ready"),
        (lambda: metrics.running(), "ix_tasks_running"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_partial_index_finds_the_few_rows_that_matter(
    full: World, statement: Any, index: str
) -> None:
    assert index in plan(full, statement())


@pytest.mark.parametrize(
    "statement",
    [
        lambda: dependencies.due(1000),
        lambda: leases.lock_finished_before(86_400, 100),
        lambda: removal.remove_where_requested(10),
        _counted_for_an_owner,
    ],
)
def test_what_looks_for_finished_tasks_does_not_read_all_of_them(
    full: World, statement: Any
) -> None:
    """The indexes of the lists hold every finished task, and are for lists alone."""
    if get_settings().is_sqlite:
        full.database.execute(text("DELETE FROM sqlite_stat1"))
    assert "ix_tasks_ended" not in plan(full, statement())
    assert "ix_tasks_active" not in plan(full, statement())


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (lambda: dependencies.due(1, lock=False), "ix_tasks_due"),
        (lambda: dependencies.due(1000), "ix_tasks_due"),
        (lambda: dependencies.untold([uuid.uuid4()], 1000), "ix_task_dependencies_untold"),
        (lambda: dependencies.needed_after(uuid.uuid4(), 100), "ix_task_dependencies_untold"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_who_is_due_is_found_among_many_that_wait(full: World, statement: Any, index: str) -> None:
    full.database.execute(text("UPDATE tasks SET awaited = true"))
    full.database.execute(text("UPDATE tasks SET status = 'pending' WHERE priority = 2"))
    full.database.execute(
        text(
            "INSERT INTO task_dependencies (task_id, needs_id, told) "
            "SELECT id, id, false FROM tasks"
        )
    )
    full.database.execute(text("ANALYZE"))
    assert index in plan(full, statement())


def updates(world: World) -> tuple[int, int]:
    """Updates of the tasks table so far, and those that touched no index."""
    world.database.execute(text("SELECT pg_stat_force_next_flush()"))
    row: Any = world.database.execute(
        text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'tasks'")
    ).one()
    return row[0], row[1]


@on_postgresql
@pytest.mark.parametrize("what", ["heartbeats", "progress"])
def test_heartbeats_and_progress_touch_no_index(world: World, what: str) -> None:
    pairs: list[Pair] = [world.running() for _ in range(5)]
    before = updates(world)
    for step in range(40):
        if what == "heartbeats":
            world.database.execute(leases.renew(pairs, 30.0))
        else:
            for pair in pairs:
                world.report(pair, float(step))
    total, hot = (new - old for new, old in zip(updates(world), before, strict=True))
    assert total == 200
    assert hot >= 0.95 * total
