"""Limits: never more handed out than they let, in whatever queue, whoever feeds."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app import dispatch
from app.core.config import Settings
from app.domain.lifecycle import TaskStatus
from app.domain.rank import Priority
from app.maintenance import prune, rescue
from app.models import LimitUse
from app.queries import feed, limits
from app.queries.due import Work
from app.services import attempts
from tests.support.processes import ROOT, wait_until
from tests.support.world import NOOP, World, to_do

LANE = "tests.support.tasks.in_lane"
LOW, NORMAL, HIGH, CRITICAL = Priority


def limit(
    world: World, kind: str, name: str, concurrency: int | None = None, rate: Any = (None, None)
) -> None:
    """As a request does it, without the request."""
    with world.database.transaction() as connection:
        connection.execute(limits.lock_queues())
        count, seconds = rate
        statement = limits.put(
            kind,
            name,
            concurrency=concurrency,
            rate_count=count,
            rate_seconds=seconds,
            by="op@example.org",
        )
        connection.execute(statement)
        connection.execute(limits.regulate_all())


def start_all(world: World) -> list[Any]:
    """Claim what was handed out."""
    pairs = [(hint.task_id, hint.celery_id) for hint in world.hints()]
    return [row for pair in pairs for row in world.claim(pair)]


def lanes(world: World, ids: list[uuid.UUID]) -> set[str]:
    return {world.row(task_id).lane for task_id in ids}


@pytest.mark.parametrize(("kind", "name"), [("queue", "default"), ("task", NOOP), ("key", "k")])
def test_no_more_are_out_than_a_limit_lets(world: World, kind: str, name: str) -> None:
    limit(world, kind, name, 3)
    ids = world.add_many(8, limit_key="k")
    assert world.feed().rows == 3
    assert world.feed().rows == 0
    running = start_all(world)
    assert world.feed().rows == 0  # those that run count as well
    world.settle((running[0].id, running[0].celery_id))
    assert world.feed().rows == 1
    assert [hint.task_id for hint in world.hints()] == ids[:4]


def test_a_limit_of_nothing_lets_none_start(world: World) -> None:
    limit(world, "task", NOOP, 0)
    world.add_many(3)
    assert world.feed().rows == 0


def test_what_is_blocked_holds_up_nobody_behind_it(world: World) -> None:
    limit(world, "task", NOOP, 0)
    world.set_window(4)
    blocked = world.add_many(600)
    behind = world.add(function="tests.support.tasks.add", args=[1, 2])
    assert world.feed().rows == 1
    assert [hint.task_id for hint in world.hints()] == [behind]
    # Parked, so that the next look does not meet them again.
    assert lanes(world, blocked) == {f"\x1f{NOOP}\x1f"}


def test_a_row_of_higher_priority_passes_those_that_wait_for_the_same_limit(world: World) -> None:
    limit(world, "task", NOOP, 1)
    first = world.add_many(3)
    world.feed()
    urgent = world.add(priority=CRITICAL)
    assert world.feed().rows == 0
    world.settle(*[(row.id, row.celery_id) for row in start_all(world)])
    assert world.feed().rows == 1
    assert world.levels() == {"NORMAL": 1, "CRITICAL": 1}  # the first one's message has been read
    assert world.hints(CRITICAL)[0].task_id == urgent
    assert world.row(first[1]).dispatched_at is None


def test_two_queues_share_a_limit(world: World) -> None:
    limit(world, "key", "k", 2)
    world.add_many(3, limit_key="k")
    world.add_many(3, function=LANE, args=[1], limit_key="k")
    assert (world.feed().rows, world.feed("lane").rows) == (2, 0)
    world.settle(*[(row.id, row.celery_id) for row in start_all(world)])
    assert (world.feed("lane").rows, world.feed().rows) == (2, 0)


def test_each_key_of_a_prefix_has_its_own_limit_and_the_closest_counts(world: World) -> None:
    limit(world, "key", "customer:*", 2)
    limit(world, "key", "customer:vip", 4)
    limit(world, "key", "*", 1)
    for key in ("customer:1", "customer:2", "customer:vip", "other"):
        world.add_many(6, limit_key=key)
    world.add_many(6)
    world.feed()
    keys = Counter(world.row(hint.task_id).limit_key for hint in world.hints())
    assert keys == {"customer:1": 2, "customer:2": 2, "customer:vip": 4, "other": 1, None: 6}


def test_a_task_needs_a_place_under_each_of_its_limits(world: World) -> None:
    limit(world, "task", NOOP, 3)
    limit(world, "key", "a", 2)
    world.add_many(4, limit_key="a")
    world.add_many(4, limit_key="b")
    world.feed()
    keys = Counter(world.row(hint.task_id).limit_key for hint in world.hints())
    assert keys == {"a": 2, "b": 1}


def test_a_limit_can_be_changed_and_lifted_while_tasks_wait(world: World) -> None:
    limit(world, "task", NOOP, 1)
    world.add_many(12)
    assert world.feed().rows == 1
    limit(world, "task", NOOP, 4)
    assert world.feed().rows == 3
    limit(world, "task", NOOP, 2)  # those that are out stay out
    assert world.feed().rows == 0
    world.settle(*[(row.id, row.celery_id) for row in start_all(world)[:3]])
    assert world.feed().rows == 1
    world.database.execute(limits.remove("task", NOOP))
    assert world.feed().rows == 7


def test_without_limits_a_queue_is_fed_as_before(world: World) -> None:
    limit(world, "task", NOOP, 1)
    world.add_many(3)
    world.feed()
    world.database.execute(limits.remove("task", NOOP))
    world.feed()
    world.add()
    world.feed()
    with world.database.transaction() as connection:
        row = connection.execute(feed.lock_queue(), {"queue_name": "default"}).one()
    assert (row.regulated, row.blocked) == (False, False)


def test_a_limit_that_is_made_later_covers_what_was_parked_before(world: World) -> None:
    limit(world, "task", NOOP, 0)
    world.add_many(4, limit_key="a")
    world.feed()
    limit(world, "key", "a", 1)
    limit(world, "task", NOOP, 3)
    assert world.feed().rows == 1


def test_what_is_given_back_leaves_its_place(world: World) -> None:
    limit(world, "task", NOOP, 1)
    world.add_many(2, max_attempts=3)
    world.feed()
    (row,) = start_all(world)
    assert world.feed().rows == 0
    attempts.lose(world.database, (row.id, row.celery_id), "crash", "died")
    assert world.feed().rows == 1


def test_the_place_of_a_killed_holder_is_free_when_its_lease_is_over(world: World) -> None:
    limit(world, "task", NOOP, 1)
    world.add_many(2)
    world.feed()
    (row,) = start_all(world)
    assert rescue.run_once(world.database, 10).worth_telling is False
    world.end_lease(row.id)
    rescue.run_once(world.database, 10)
    assert world.row(row.id).status == TaskStatus.FAILED
    assert world.feed().rows == 1


def test_a_message_of_many_rows_takes_a_place_for_each(world: World) -> None:
    world.database.execute(feed.fold_runtime(NOOP, 100, 0.001, 0.001))
    limit(world, "task", NOOP, 5)
    world.set_window(64, slots=1)
    world.add_many(40)
    report = world.feed()
    assert (report.rows, report.messages) == (5, 3)


@pytest.mark.parametrize("priorities", [(LOW, HIGH), (HIGH, LOW)])
def test_the_last_place_goes_to_the_most_urgent(world: World, priorities: tuple[int, int]) -> None:
    limit(world, "task", NOOP, 1)
    world.feed()
    for priority in priorities:
        world.add(priority=priority)
    assert world.feed().rows == 1
    assert world.levels() == {"HIGH": 1}


def test_who_waits_for_a_limit_is_known(world: World) -> None:
    limit(world, "task", NOOP, 1)
    world.add_many(2)
    world.feed()
    assert (Work.BLOCKED, "default") in to_do(world)
    (row,) = start_all(world)
    world.settle((row.id, row.celery_id))
    world.database.execute(limits.remove("task", NOOP))
    world.feed()
    assert (Work.BLOCKED, "default") not in to_do(world)


# -- rates ------------------------------------------------------------------------------------


def test_no_more_are_handed_out_than_a_rate_lets(world: World) -> None:
    limit(world, "task", NOOP, rate=(3, 3600.0))
    world.add_many(8)
    report = world.feed()
    assert report.rows == 3
    assert report.again_seconds is not None
    assert 3600 <= report.again_seconds < 3600 * 1.06
    world.settle(*[(row.id, row.celery_id) for row in start_all(world)])
    assert world.feed().rows == 0


def test_what_is_taken_back_has_used_its_place_in_a_rate(world: World) -> None:
    limit(world, "task", NOOP, rate=(3, 3600.0))
    world.add_many(8)
    world.feed()
    pairs = [(hint.task_id, hint.celery_id) for hint in world.hints()]
    world.database.execute(feed.unmark(pairs))
    assert world.feed().rows == 0


def test_a_rate_lets_more_out_when_its_period_is_over(world: World) -> None:
    limit(world, "task", NOOP, rate=(2, 0.2))
    world.add_many(5)
    seen = [world.feed()]
    began = time.monotonic()
    while sum(report.rows for report in seen) < 5 and time.monotonic() - began < 20:
        start_all(world)
        time.sleep(seen[-1].again_seconds or 0.01)
        seen.append(world.feed())
    assert max(report.rows for report in seen) == 2
    handed_out = sorted(world.row(hint.task_id).dispatched_at for hint in world.hints())
    assert len(handed_out) == 5
    pairs = zip(handed_out, handed_out[2:], strict=False)
    assert all(later - earlier >= timedelta(seconds=0.2) for earlier, later in pairs)


def test_no_more_than_a_rate_wait_in_the_broker_to_start_together(world: World) -> None:
    limit(world, "task", NOOP, rate=(2, 0.05))
    world.add_many(6)
    assert world.feed().rows == 2
    time.sleep(0.2)
    assert world.feed().rows == 0


def test_what_a_rate_remembers_is_forgotten_when_it_says_nothing_any_more(world: World) -> None:
    limit(world, "key", "*", rate=(1, 3600.0))
    for number in range(4):
        world.add(limit_key=f"k{number}")
    assert world.feed().rows == 4
    old = [f"key:k{number}" for number in range(3)]
    past = world.now() - timedelta(seconds=1)
    over = update(LimitUse).where(LimitUse.bucket.in_(old)).values(over_at=past)
    world.database.execute(over)
    prune.run_once(world.database, 2)  # in batches
    assert world.database.execute(select(LimitUse.bucket)).column() == ["key:k3"]


# -- nothing polls ----------------------------------------------------------------------------


@pytest.fixture
def feeder(settings: Settings) -> Iterator[None]:
    """This process's own, which nobody else wakes."""
    dispatch.stop()
    yield
    dispatch.stop()


@pytest.mark.usefixtures("feeder")
def test_a_place_that_gets_free_feeds_the_queues_that_wait_for_it(world: World) -> None:
    limit(world, "key", "k", 1)
    world.add(limit_key="k")
    second = world.add(function=LANE, args=[1], limit_key="k")
    for queue in ("default", "lane"):
        dispatch.wake(queue, added=True)
        dispatch.flush(20)
    (row,) = start_all(world)
    world.settle((row.id, row.celery_id))
    dispatch.freed()
    dispatch.flush(20)
    assert world.row(second).dispatched_at is not None


@pytest.mark.usefixtures("feeder")
def test_a_feeder_wakes_itself_when_a_rate_lets_more_out(world: World) -> None:
    limit(world, "task", NOOP, rate=(1, 0.3))
    ids = world.add_many(3)
    dispatch.wake("default", added=True)

    def all_out() -> bool:
        start_all(world)
        return all(world.row(task_id).dispatched_at is not None for task_id in ids)

    wait_until(all_out, timeout=20, what="three were handed out by one wake")


# -- many feeders -----------------------------------------------------------------------------


@contextmanager
def feeders(count: int, turns: int) -> Iterator[Callable[[], bool]]:
    """Processes that feed `default` and `lane` in turns; what tells whether one still does."""
    command = [sys.executable, "-m", "tests.support.feeders", str(turns)]
    processes = [
        subprocess.Popen(
            [*command, str(number)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        yield lambda: any(process.poll() is None for process in processes)
        assert [process.wait(60) for process in processes] == [0] * count
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("rate", [(None, None), (5, 3600.0)], ids=["concurrency", "rate"])
def test_feeders_of_two_queues_never_overshoot(world: World, rate: Any) -> None:
    """Three processes that feed, and somebody who ends one task at a time, for whose place they race."""
    most = 5
    limit(world, "key", "k", None if rate[0] else most, rate)
    world.add_many(30, limit_key="k")
    world.add_many(30, function=LANE, args=[1], limit_key="k")
    seen: list[int] = []
    taken: set[uuid.UUID] = set()
    running: list[Any] = []
    with feeders(3, turns=20) as feeding:
        while feeding():
            hints = [hint for queue in ("default", "lane") for hint in world.hints(queue=queue)]
            new = [(hint.task_id, hint.celery_id) for hint in hints if hint.celery_id not in taken]
            taken.update(celery_id for _, celery_id in new)
            running += [row for pair in new for row in world.claim(pair)]
            held = world.database.execute(limits.held()).all()
            seen.append(sum(row.number for row in held))
            if running:
                ended = running.pop()
                world.settle((ended.id, ended.celery_id))
    done = world.statuses().get(TaskStatus.SUCCEEDED, 0)
    assert max(seen) <= most
    assert done >= most if rate[0] is None else done <= most


def test_a_parked_row_that_comes_back_is_among_everybodys(world: World) -> None:
    """Nobody would look for it in its lane once there is no limit."""
    limit(world, "task", NOOP, 0)
    (task_id,) = world.add_many(1, max_attempts=2)
    world.feed()
    assert world.row(task_id).lane != ""
    limit(world, "task", NOOP, 1)
    world.feed()
    world.database.execute(limits.remove("task", NOOP))
    (row,) = start_all(world)
    world.feed()
    attempts.return_unbegun(world.database, [(row.id, row.celery_id)])
    assert world.row(task_id).lane == ""
    assert world.feed().rows == 1
