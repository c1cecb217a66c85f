"""Subtasks and parents, as the code of a running attempt sees them, on both databases."""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from app.core.errors import Invalid
from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.maintenance import dependents
from app.models import Task, TaskDependency, TaskTag
from app.queries import dependencies as queries
from app.queries import tasks
from app.services.building import build_row
from app.services.inserting import insertion
from app.worker import ancestry, connections, helpers, spawning
from app.worker.claim import STOP_SIGNAL, Claim, install_stop_signal
from app.worker.signals import AttemptLost, TaskCancelled
from tests.support.databases import on_postgresql
from tests.support.processes import wait_until
from tests.support.world import NOOP, Pair, World

ADD = "tests.support.tasks.add"
OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


class Forgetful(Database):
    """Commits, and then loses the answer, so many times."""

    lost = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
        if self.lost:
            self.lost -= 1
            raise OperationalError("COMMIT", None, Exception("the line broke"))


@pytest.fixture
def database(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forgetful]:
    """What the attempt's process has; `world` is the test's own."""
    opened = Forgetful()
    monkeypatch.setattr(spawning, "database", lambda: opened)
    monkeypatch.setattr(ancestry, "relaxed_database", lambda: opened)
    monkeypatch.setattr(connections, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("app.dispatch.wake", lambda queue: None)
    yield opened
    opened.close()


def claim_of(pair: Pair) -> Claim:
    """The attempt as its process knows it."""
    return Claim(
        task_id=pair[0], celery_id=pair[1], attempt=1, tries=1, max_attempts=1,
        requeue_on_interrupt=False, args=[], kwargs={}, queue="default", name=NOOP,
    )  # fmt: skip


def in_body(world: World, act: Callable[[], Any], **fields: Any) -> tuple[uuid.UUID, Any]:
    """What `act` returns in the body of a task, and whose body it was."""
    pair = world.running(**fields)
    with claim_of(pair).body():
        return pair[0], act()


def children(world: World) -> list[Any]:
    return list(
        world.database.execute(
            select(Task).where(Task.parent_id.is_not(None)).order_by(Task.id)
        ).all()
    )


# -- subtasks ---------------------------------------------------------------------------------


def test_a_subtask_is_a_child_with_the_same_owner(world: World, database: Forgetful) -> None:
    options: dict[str, Any] = {"priority": 3, "tags": ["a", "b"], "countdown": 60}
    parent, task_id = in_body(
        world, lambda: helpers.spawn(ADD, [1], {"y": 2}, **options), user_id=OWNER, task_type="sums"
    )
    (child,) = children(world)
    assert str(child.id) == task_id
    assert (child.parent_id, child.user_id, child.task_type) == (parent, OWNER, "sums")
    assert (child.name, child.celery_task_name) == ("add", ADD)
    assert (child.args, child.kwargs, child.priority) == ([1], {"y": 2}, 3)
    assert child.scheduled_at > world.now()
    assert sorted(world.database.execute(select(TaskTag.tag)).column()) == ["a", "b"]


def test_many_are_made_in_the_order_of_their_arguments(world: World, database: Forgetful) -> None:
    _, ids = in_body(world, lambda: helpers.spawn_many(ADD, ([n, n] for n in range(450))))
    found = children(world)
    assert [str(child.id) for child in found] == ids
    assert [child.args[0] for child in found] == list(range(450))
    assert {child.user_id for child in found} == {None}
    assert in_body(world, lambda: helpers.spawn_many(ADD, []))[1] == []


def test_what_joins_waits_for_all_of_them(world: World, database: Forgetful) -> None:
    def split() -> str | None:
        parts = helpers.spawn_many(ADD, [[n, n] for n in range(3)])
        return helpers.spawn(NOOP, depends_on=parts)

    _, joined = in_body(world, split, user_id=OWNER)
    row = world.row(uuid.UUID(joined))
    assert (row.unmet_deps, row.rank) == (3, None)
    assert len(world.database.execute(select(TaskDependency.needs_id)).all()) == 3


def test_all_of_a_call_are_made_or_none(world: World, database: Forgetful) -> None:
    with pytest.raises(Invalid):
        in_body(world, lambda: helpers.spawn_many(ADD, [[1, 2], ["x", 2]]))
    assert children(world) == []


def test_what_the_owner_cannot_see_is_nothing_to_wait_for(
    world: World, database: Forgetful
) -> None:
    foreign = world.add(user_id=OTHER)
    with pytest.raises(Invalid, match="does not exist"):
        in_body(world, lambda: helpers.spawn(NOOP, depends_on=[str(foreign)]), user_id=OWNER)
    _, task_id = in_body(world, lambda: helpers.spawn(NOOP, depends_on=[str(foreign)]))
    assert world.row(uuid.UUID(task_id)).unmet_deps == 1


def test_an_attempt_that_has_lost_its_task_makes_none(world: World, database: Forgetful) -> None:
    pair = world.running()
    world.settle(pair, status=TaskStatus.FAILED)
    with pytest.raises(AttemptLost), claim_of(pair).body():
        helpers.spawn(NOOP)
    assert children(world) == []


def test_an_attempt_that_loses_its_task_meanwhile_makes_none(
    world: World, database: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = world.running()
    real = build_row

    def lost_in_between(*given: Any) -> Any:
        world.settle(pair, status=TaskStatus.FAILED)
        return real(*given)

    monkeypatch.setattr(spawning, "build_row", lost_in_between)
    with pytest.raises(AttemptLost), claim_of(pair).body():
        helpers.spawn(NOOP)
    assert children(world) == []


@on_postgresql
def test_who_spawns_gives_way_to_who_holds_its_task(world: World, database: Forgetful) -> None:
    needed, pair = world.add(), world.running()
    spawned: list[str | None] = []

    def act() -> None:
        with claim_of(pair).body():
            spawned.append(helpers.spawn(NOOP, depends_on=[str(needed)]))

    thread = threading.Thread(target=act)
    with world.database.transaction() as connection:
        connection.execute(tasks.hold([pair[0]]))
        thread.start()
        # What it has locked by now would else be waited for until PostgreSQL ends one of the two.
        wait_until(lambda: _is_locked(needed), timeout=20, what="it has begun", every=0.01)
        connection.execute(tasks.hold([needed]))
        assert children(world) == []
    thread.join(20)
    assert [str(child.id) for child in children(world)] == spawned


def _is_locked(task_id: uuid.UUID) -> bool:
    other = Database()
    try:
        with other.transaction() as connection:
            statement = select(Task.id).where(Task.id == task_id)
            free = connection.execute(statement.with_for_update(skip_locked=True)).first()
        return free is None
    finally:
        other.close()


def test_an_answer_that_gets_lost_makes_nothing_twice(world: World, database: Forgetful) -> None:
    database.lost = 2
    _, ids = in_body(world, lambda: helpers.spawn_many(NOOP, [[]] * 3))
    assert database.lost == 1, "the second try found the rows of the first"
    assert [str(child.id) for child in children(world)] == ids


@pytest.fixture
def stops_arrive() -> Iterator[None]:
    """This process takes stops as a pool process does."""
    assert STOP_SIGNAL is not None
    before = signal.getsignal(STOP_SIGNAL)
    install_stop_signal()
    yield
    signal.signal(STOP_SIGNAL, before)


@pytest.mark.usefixtures("stops_arrive")
def test_a_stop_waits_for_the_end_of_the_exchange(
    world: World, database: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = world.running()
    claim = claim_of(pair)
    real = insertion

    def stopped_in_the_middle(*given: Any) -> Any:
        claim.stop(TaskCancelled("stop"))
        return real(*given)

    monkeypatch.setattr(spawning, "insertion", stopped_in_the_middle)
    with pytest.raises(TaskCancelled), claim.body():
        helpers.spawn(NOOP)
    assert len(children(world)) == 1


def test_a_thread_of_the_task_may_spawn(world: World, database: Forgetful) -> None:
    made: list[str | None] = []

    def act() -> None:
        thread = threading.Thread(target=lambda: made.append(helpers.spawn(NOOP)))
        thread.start()
        thread.join()

    parent, _ = in_body(world, act)
    (child,) = children(world)
    assert (child.parent_id, [str(child.id)]) == (parent, made)


# -- parents ----------------------------------------------------------------------------------


def test_parents_come_in_the_order_of_the_submission(world: World, database: Forgetful) -> None:
    first, second, third = world.add_many(3, name="needed")
    task = world.add_needing(third, first, second, on_dependency_failure="run")
    for each, ended in (
        (first, {"result": '{"a": 1}'}),
        (second, {"status": TaskStatus.FAILED, "error": '{"type": "E", "message": "m"}'}),
        (third, {"status": TaskStatus.REVOKED}),
    ):
        world.mark(each)
        world.claim(world.pair(each))
        world.settle(world.pair(each), **ended)
    dependents.run_once(world.database, 100)
    world.mark(task)
    world.claim(world.pair(task))
    with claim_of(world.pair(task)).body():
        found = helpers.parents()
        assert found == helpers.parents()
    assert list(found) == [str(third), str(first), str(second)]
    assert [each.status for each in found.values()] == ["revoked", "succeeded", "failed"]
    assert found[str(first)].result == {"a": 1}
    assert found[str(second)].error == {"type": "E", "message": "m"}
    assert {each.name for each in found.values()} == {"needed"}


def test_a_task_that_depends_on_nothing_has_no_parents(world: World, database: Forgetful) -> None:
    assert in_body(world, helpers.parents)[1] == {}


def test_untracked_all_of_it_does_nothing(world: World) -> None:
    assert helpers.parents() == {}
    assert helpers.spawn(NOOP) is None
    assert helpers.spawn_many(NOOP, [[]]) == []
    assert children(world) == []


def test_ids_of_many_edges_are_written_in_parts(world: World, database: Forgetful) -> None:
    needed = [uuid.UUID(each) for each in in_body(
        world, lambda: helpers.spawn_many(NOOP, [[]] * 30))[1]]  # fmt: skip
    in_body(world, lambda: helpers.spawn_many(NOOP, [[]] * 50, depends_on=[str(n) for n in needed]))
    edges = world.database.execute(queries.untold(needed, 10_000)).all()
    assert len(edges) == 1500
