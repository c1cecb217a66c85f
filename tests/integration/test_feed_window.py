"""The feed: the only publisher, and never more in the broker than a window."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.broker import sync_client
from app.core.config import Settings, get_settings
from app.db.session import Database
from app.dispatch import Dispatcher
from app.domain.rank import Priority
from app.queries import feed
from tests.support.environment import child_environment
from tests.support.processes import ROOT
from tests.support.world import NOOP, World

LOW, NORMAL, HIGH, CRITICAL = Priority


def test_the_window_bounds_what_is_in_the_broker(world: World) -> None:
    world.set_window(8)
    world.add_many(12)
    report = world.feed()
    assert (report.rows, report.messages, report.published) == (8, 8, True)
    assert len(world.hints()) == world.marked() == 8
    assert world.feed().rows == 0


def test_a_claim_makes_room_for_the_next_row(world: World) -> None:
    world.set_window(4)
    ids = world.add_many(6)
    world.feed()
    world.claim(*[world.pair(task_id) for task_id in ids[:2]])
    assert world.feed().rows == 2
    assert [hint.task_id for hint in world.hints()] == ids


def test_rows_go_out_in_the_order_of_submission(world: World) -> None:
    ids = world.add_many(8)
    world.feed()
    assert [hint.task_id for hint in world.hints()] == ids


def test_a_row_is_published_under_the_id_it_was_created_with(world: World) -> None:
    task_id = world.add()
    created_with = world.pair(task_id)[1]
    world.feed()
    (message,) = world.messages()
    assert message["headers"]["id"] == str(created_with)
    assert world.hints()[0].celery_id == created_with


def test_every_later_publish_has_a_new_id(world: World) -> None:
    task_id = world.add()
    seen = set()
    for _ in range(3):
        world.feed()
        seen.add(world.hints()[-1].celery_id)
        world.database.execute(feed.unmark([world.pair(task_id)]))
    assert len(seen) == 3


def test_low_hints_that_fill_the_window_never_hold_up_a_critical(world: World) -> None:
    world.set_window(4)
    world.add_many(10, priority=LOW)
    world.feed()
    urgent = world.add(priority=CRITICAL)
    world.feed()
    assert world.levels() == {"LOW": 4, "CRITICAL": 1}
    assert [hint.task_id for hint in world.hints(CRITICAL)] == [urgent]


def test_critical_hints_that_fill_the_window_leave_no_room_for_low(world: World) -> None:
    world.set_window(4)
    world.add_many(6, priority=CRITICAL)
    world.feed()
    world.add(priority=LOW)
    assert world.feed().rows == 0
    assert world.levels() == {"CRITICAL": 4}


def test_at_most_a_window_of_each_priority_is_out(world: World) -> None:
    world.set_window(3)
    for priority in Priority:
        world.add_many(5, priority=priority)
        world.feed()
    assert world.levels() == {"LOW": 3, "NORMAL": 3, "HIGH": 3, "CRITICAL": 3}


def test_the_most_urgent_of_a_backlog_go_first(world: World) -> None:
    world.set_window(4)
    for priority in (LOW, NORMAL, HIGH, CRITICAL):
        world.add_many(2, priority=priority)
    world.feed()
    assert world.levels() == {"HIGH": 2, "CRITICAL": 2}


def aged(world: World, hours: float, **fields: Any) -> uuid.UUID:
    """A row that has waited for so long."""
    moved = round(hours * 3600 * 1_000_000)
    task_id = world.add(**fields)
    world.force(task_id, rank=world.row(task_id).rank - moved)
    return task_id


def test_a_row_that_has_waited_goes_out_under_the_priority_it_is_worth(world: World) -> None:
    aged(world, 1.5, priority=LOW)
    aged(world, 2.5, priority=LOW)
    aged(world, 100, priority=LOW)
    world.add(priority=HIGH)
    world.feed()
    assert world.levels() == {"NORMAL": 1, "HIGH": 3}


def test_an_old_low_row_goes_before_a_young_high_one(world: World) -> None:
    young = world.add(priority=HIGH)
    old = aged(world, 2.5, priority=LOW)
    world.feed()
    assert [hint.task_id for hint in world.hints(HIGH)] == [old, young]


def test_nothing_ages_past_critical(world: World) -> None:
    world.set_window(1)
    aged(world, 24 * 365, priority=HIGH)
    urgent = world.add(priority=CRITICAL)
    world.feed()
    assert world.hints(CRITICAL)[0].task_id == urgent
    assert world.levels() == {"CRITICAL": 1}


def test_a_scheduled_row_waits_in_the_database_until_its_time(world: World) -> None:
    task_id = world.add(scheduled_at=world.now() + timedelta(hours=1))
    assert world.feed().rows == 0
    world.force(task_id, ready_at=world.now() - timedelta(seconds=1))
    world.database.execute(feed.rank_ready(None, get_settings().ageing_seconds, 100))
    assert world.feed().rows == 1
    (message,) = world.messages()
    assert message["headers"]["eta"] is None


def test_a_row_with_unmet_dependencies_is_not_ready(world: World) -> None:
    world.add(unmet_deps=1, rank=None)
    world.database.execute(feed.rank_ready(None, get_settings().ageing_seconds, 100))
    assert world.feed().rows == 0


def test_an_expired_row_is_not_published(world: World) -> None:
    task_id = world.add(expires_at=world.now() + timedelta(hours=1))
    world.force(task_id, expires_at=world.now() - timedelta(seconds=1))
    assert world.feed().rows == 0


def test_queues_have_windows_of_their_own(world: World) -> None:
    world.set_window(2)
    world.set_window(3, queue="lane")
    world.add_many(4)
    world.add_many(4, function="tests.support.tasks.in_lane", args=[1])
    assert (world.feed().rows, world.feed("lane").rows) == (2, 3)


def test_feeders_in_threads_never_overshoot(world: World, settings: Settings) -> None:
    world.set_window(8)
    world.add_many(60)
    databases = [Database() for _ in range(3)]
    start = threading.Barrier(3)

    def feed_often(database: Database) -> None:
        dispatcher = Dispatcher(database)
        start.wait()
        for _ in range(5):
            dispatcher.feed("default")

    threads = [threading.Thread(target=feed_often, args=(each,)) for each in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.close()
    hints = world.hints()
    assert len(hints) == world.marked() == 8
    assert len({hint.task_id for hint in hints}) == 8


FEED_OFTEN = """
import sys, time
from app.db.session import Database
from app.dispatch import Dispatcher
dispatcher = Dispatcher(Database())
dispatcher.feed("no-such-queue")  # everything is loaded and connected before the race
time.sleep(max(0.0, float(sys.argv[1]) - time.time()))
for _ in range(5):
    dispatcher.feed("default")
"""


def test_feeders_in_processes_never_overshoot(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    world.set_window(8)
    world.add_many(60)
    env = child_environment(
        tmp_path,
        DATABASE_URL=settings.database_url,
        CELERY_BROKER_URL=settings.celery_broker_url,
        BROKER_KEY_PREFIX=settings.broker_key_prefix,
    )
    command = [sys.executable, "-c", FEED_OFTEN, str(time.time() + 3)]
    children = [subprocess.Popen(command, env=env, cwd=ROOT) for _ in range(3)]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    hints = world.hints()
    assert len(hints) == world.marked() == 8
    assert len({hint.task_id for hint in hints}) == 8


def test_a_waiting_feeder_is_not_skipped(world: World) -> None:
    """A feed that skipped a locked queue would be a lost wake-up."""
    world.set_window(8)
    world.add()
    fed: list[int] = []
    with world.database.transaction() as connection:
        connection.execute(feed.lock_queue(), {"queue_name": "default"})
        other = Dispatcher(Database())
        thread = threading.Thread(target=lambda: fed.append(other.feed("default").rows))
        thread.start()
        time.sleep(0.3)  # in which it would have skipped, if it did
        assert fed == []
    thread.join(timeout=10)
    assert fed == [1]


@pytest.mark.parametrize("priority", list(Priority))
def test_a_message_lies_in_the_list_that_celery_reads_for_its_priority(
    world: World, priority: Priority
) -> None:
    from app.celery_app import celery_app

    world.add(priority=priority)
    world.feed()
    with celery_app.connection_for_read() as connection:
        queue: Any = celery_app.amqp.queues["default"]
        found = connection.SimpleQueue(queue, no_ack=True).get(timeout=5)
    assert found.headers["task"] == NOOP
    assert found.payload == [
        [],
        {},
        {"callbacks": None, "errbacks": None, "chain": None, "chord": None},
    ]
    assert sync_client().llen(world.key(priority)) == 0
