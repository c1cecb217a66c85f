"""More lanes than one feed looks at: each gets its turn, and nothing is forgotten meanwhile."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from app import dispatch, tour
from app.core.config import get_settings
from app.queries import feed, lanes, limits
from app.queries.intake import insert_drafts
from app.services.building import NewTask, draft
from app.services.catalogue import catalogue
from tests.integration.test_database_differences import plan
from tests.integration.test_limits import feeder as feeder  # pytest finds it by name here
from tests.integration.test_limits import limit, start_all
from tests.support.processes import wait_until
from tests.support.world import NOOP, World

KEYS = 10


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round takes some feeds."""
    monkeypatch.setattr(tour, "PART", 3)


def queue_row(world: World) -> Any:
    with world.database.transaction() as connection:
        return connection.execute(feed.lock_queue(), {"queue_name": "default"}).one()


def feed_round(world: World) -> int:
    """As the feeder does: again while there is more to see. Returns how many rows went out."""
    rows = 0
    for _ in range(10 * KEYS):
        report = world.feed()
        rows += report.rows
        if report.again_seconds != 0:
            return rows
    raise AssertionError("a round has no end")


def park(world: World, each: int = 2) -> None:
    """Tasks of many keys wait in a lane for each."""
    limit(world, "key", "k*", 0)
    for number in range(KEYS):
        world.add_many(each, limit_key=f"k{number}")
    assert feed_round(world) == 0


def settle_all(world: World) -> None:
    started = start_all(world)
    world.settle(*[(row.id, row.celery_id) for row in started])


def test_a_round_sees_every_lane(world: World) -> None:
    park(world)
    limit(world, "key", "k*", 1)
    assert feed_round(world) == KEYS
    assert feed_round(world) == 0
    settle_all(world)
    assert feed_round(world) == KEYS


def test_one_that_gets_a_place_is_found_wherever_the_round_begins(world: World) -> None:
    park(world, each=1)
    for number in range(KEYS):
        limit(world, "key", f"k{number}", 1)
        assert feed_round(world) == 1


def test_no_lane_is_always_last(world: World) -> None:
    world.set_window(2)
    park(world, each=6)
    limit(world, "key", "k*", 1)
    served: Counter[str | None] = Counter()
    for _ in range(9):
        feed_round(world)
        for row in start_all(world):
            served[world.row(row.id).limit_key] += 1
            world.settle((row.id, row.celery_id))
    assert served.total() == 18
    # One part holds three of them.
    assert len(served) > 4


def test_the_queue_is_known_to_wait_until_all_lanes_have_been_seen(world: World) -> None:
    world.set_window(64)
    park(world)
    world.database.execute(limits.remove("key", "k*"))
    limit(world, "key", "k9", 0)
    while world.feed().again_seconds == 0:
        assert queue_row(world).blocked is True
    assert queue_row(world).blocked is True
    world.database.execute(limits.remove("key", "k9"))
    assert feed_round(world) == 2
    feed_round(world)
    assert (queue_row(world).blocked, queue_row(world).regulated) == (False, False)


def test_the_soonest_rate_of_a_round_is_waited_for(world: World) -> None:
    park(world)
    limit(world, "key", "k0", rate=(1, 60.0))
    limit(world, "key", "k*", rate=(1, 3600.0))
    assert feed_round(world) == KEYS
    settle_all(world)
    feed_round(world)
    # Whatever part of the lanes the last feed of a round has looked at.
    for _ in range(3):
        report = world.feed()
        while report.again_seconds == 0:
            report = world.feed()
        assert report.again_seconds is not None
        assert report.again_seconds < 64


def test_thousands_of_keys_are_looked_at_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed beside them reads no more than a part, and the buckets of no more."""
    monkeypatch.setattr(tour, "PART", 200)
    limit(world, "key", "k*", 0)
    given: dict[str, Any] = {"name": "n", "task_type": "t", "celery_task_name": NOOP}
    known = catalogue()
    rows = [draft(NewTask(**given, limit_key=f"k{n}"), known) for n in range(5000)]
    statement = insert_drafts(tuple(rows[0]), get_settings().ageing_seconds)
    world.database.execute(statement, {"rows": rows})
    while world.feed().again_seconds == 0:
        pass
    world.database.execute(text("ANALYZE"))
    steps = plan(world, lanes.heads().params(queue_name="default", behind="", most=200))
    assert "ix_tasks_waiting" in steps, steps
    assert not re.search(r"Seq Scan on tasks|SCAN tasks", steps), steps
    world.set_window(16)
    seen: list[int] = []
    execute = limits.uses

    def counted(buckets: Any) -> Any:
        seen.append(len(buckets))
        return execute(buckets)

    monkeypatch.setattr(limits, "uses", counted)
    limit(world, "key", "k*", rate=(1, 3600.0))
    assert feed_round(world) == 16
    assert 0 < max(seen) <= 200


@pytest.mark.usefixtures("feeder")
def test_the_feeder_goes_round_by_itself(world: World) -> None:
    park(world)
    limit(world, "key", "k*", 1)
    dispatch.wake("default")
    dispatch.flush(20)
    wait_until(lambda: world.marked() == KEYS, timeout=20, what="every lane has one out")
