"""What statistics are folded from the changes of tasks."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import BigInteger, column, func, insert, select, values

from app.domain import histogram
from app.domain.figures import Figures
from app.domain.lifecycle import Reason, TaskStatus
from app.domain.tally import Kind, hour_of
from app.maintenance import fold
from app.models import EVERYBODY, StatisticBucket, StatisticSeries, TaskDelta
from app.queries import feed, folding, tasks
from app.services import attempts
from tests.support.ledger import folded
from tests.support.world import NOOP, QUEUE, World

pytestmark = pytest.mark.usefixtures("no_feeder")

NOON = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
KIND = Kind("t", NOOP, QUEUE)
ERROR = {"type": "E", "message": "m", "traceback": None, "attempt": 1}


def hours(world: World, owner: uuid.UUID = EVERYBODY) -> dict[tuple[Kind, datetime], Figures]:
    """Everything folded, by kind and hour."""
    fold.run_once(world.database, 1_000_000)
    return {
        (kind, begins): figures
        for (counted_under, kind, unit, begins), figures in folded(world.database).items()
        if unit == "hour" and counted_under == owner
    }


def append(world: World, **columns: Any) -> None:
    """A change, as a trigger would have written it: by default an attempt that succeeded."""
    row = {
        **KIND._asdict(), "was": "running", "now": "succeeded", "number": 1, "ready_at": NOON,
        "started_at": NOON, "completed_at": NOON, **columns,
    }  # fmt: skip
    world.database.execute(insert(TaskDelta).values(row))


def test_the_database_finds_the_same_bucket(world: World) -> None:
    edges = [edge for bucket in range(0, 320, 7) for edge in histogram.bounds(bucket)]
    micros = sorted({edge + around for edge in edges for around in (-126, -125, -1, 0, 1, 124)})
    micros += [10**15, 2**60]
    steps = [each // histogram.MICROS_OF_STEP for each in micros]
    given = values(column("steps", BigInteger()), name="given").data([(each,) for each in steps])
    rows = given.cte("given").c
    found = world.database.execute(select(rows.steps, folding.bucket_of(rows.steps))).all()
    assert dict(map(tuple, found)) == {
        step: histogram.bucket_of(each) for step, each in zip(steps, micros, strict=True)
    }


def test_a_life_is_written_down_in_the_hours_of_its_events(world: World) -> None:
    append(world, was=None, now="pending", created_at=NOON - timedelta(hours=2, minutes=1),
           ready_at=None, started_at=None, completed_at=None)  # fmt: skip
    append(
        world,
        ready_at=NOON - timedelta(minutes=70),
        started_at=NOON - timedelta(minutes=10),
        completed_at=NOON + timedelta(seconds=5),
    )
    wait, run = histogram.bucket_of(3_600_000_000), histogram.bucket_of(605_000_000)
    assert hours(world) == {
        (KIND, NOON - timedelta(hours=3)): Figures(created=1),
        (KIND, NOON - timedelta(hours=1)): Figures(started=1, waits={wait: 1}),
        (KIND, NOON): Figures(succeeded=1, runs={"succeeded": {run: 1}}),
    }


def test_a_day_is_the_sum_of_its_hours(world: World) -> None:
    for hour in range(-14, 14):
        append(world, **dict.fromkeys(("ready_at", "started_at", "completed_at"), NOON + timedelta(hours=hour)))  # fmt: skip
    fold.run_once(world.database, 1000)
    days = {
        begins.day: figures.succeeded
        for (_, _, unit, begins), figures in folded(world.database).items()
        if unit == "day"
    }
    assert days == {30: 2, 31: 24, 1: 2}


def test_every_attempt_is_a_start_and_the_last_one_a_run(world: World) -> None:
    pair = world.running(max_attempts=3)
    attempts.give_back(world.database, pair, wait_seconds=0, reason=Reason.RETRY, error=ERROR)
    world.mark(pair[0])
    (row,) = world.claim(world.pair(pair[0]))
    world.settle((row.id, row.celery_id), status=TaskStatus.FAILED)
    total = Figures()
    for figures in hours(world).values():
        total.add(figures)
    assert (total.created, total.started, total.failed) == (1, 2, 1)
    assert sum(total.waits.values()) == 2
    assert {status: sum(runs.values()) for status, runs in total.runs.items()} == {"failed": 1}


def test_what_never_ran_has_no_run_time(world: World) -> None:
    world.database.execute(tasks.cancel_if_pending([world.add()], None))
    late = world.add()
    world.force(late, expires_at=world.now() - timedelta(seconds=1))
    world.database.execute(feed.expire(10))
    total = Figures()
    for figures in hours(world).values():
        total.add(figures)
    assert (total.created, total.revoked, total.started, total.runs) == (2, 2, 0, {})


def test_an_owner_has_series_of_its_own_and_a_share_in_everybodys(world: World) -> None:
    ada = uuid.uuid4()
    append(world, user_id=ada)
    append(world)
    assert [figures.succeeded for figures in hours(world).values()] == [2]
    assert [figures.succeeded for figures in hours(world, ada).values()] == [1]


def test_an_attempt_that_seems_to_start_before_it_was_ready_has_not_waited(world: World) -> None:
    append(world, ready_at=NOON + timedelta(seconds=7), completed_at=NOON - timedelta(seconds=7))
    (figures,) = {id(each): each for each in hours(world).values() if each.started}.values()
    assert figures.waits == {0: 1}


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_flood_of_types_fills_a_bounded_number_of_series(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(fold, "SERIES_OF_OWNER", 3)
    monkeypatch.setattr(fold, "SERIES_OF_EVERYBODY", 5)
    monkeypatch.setattr(fold, "BATCH", batch)
    ada, bob, eve = (uuid.UUID(int=number) for number in (1, 2, 3))
    for number in range(8):
        append(world, user_id=ada, task_type=f"order {number}")
    append(world, user_id=bob, task_type="report")
    append(world, user_id=eve, task_type="mail")
    fold.run_once(world.database, 1000)
    owners = world.database.execute(select(StatisticSeries.owner)).column()
    # Three of one's own and the rest together. Those four and one more make everybody's five.
    assert Counter(owners) == {EVERYBODY: 5, ada: 4, bob: 1, eve: 1}
    by_type = {kind.task_type: figures.succeeded for (kind, _), figures in hours(world).items()}
    assert sum(by_type.values()) == 10
    assert (by_type["(other)"], by_type["report"]) == (6, 1)
    assert {kind.task_type for kind, _ in hours(world, bob)} == {"report"}


def test_what_is_too_old_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = world.now()
    for days in (0, 20, 40, 500):
        moment = now - timedelta(days=days)
        append(world, task_type=f"{days} days", ready_at=moment, started_at=moment, completed_at=moment)  # fmt: skip
    fold.run_once(world.database, 100)
    fold.forget(world.database)
    kept = {(kind.task_type, unit) for _, kind, unit, _ in folded(world.database)}
    assert kept == {
        ("0 days", "hour"), ("0 days", "day"), ("20 days", "hour"), ("20 days", "day"),
        ("40 days", "day"),
    }  # fmt: skip
    types = world.database.execute(select(StatisticSeries.task_type)).column()
    assert sorted(types) == ["0 days", "20 days", "40 days"]


def test_statistics_can_be_kept_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATISTICS_DAYS", "0")
    from app.core.config import get_settings

    get_settings.cache_clear()
    long_ago = dict.fromkeys(("ready_at", "started_at", "completed_at"), NOON.replace(year=1990))
    append(world, **long_ago)
    fold.run_once(world.database, 100)
    fold.forget(world.database)
    assert [unit for _, _, unit, _ in folded(world.database)] == ["day"]
    assert world.database.execute(select(func.count(StatisticBucket.series_id))).one()[0] == 1


def test_an_hour_is_that_of_utc(world: World) -> None:
    half_past = NOON.replace(minute=59, second=59, microsecond=999_999)
    append(world, ready_at=half_past, started_at=half_past, completed_at=half_past)
    assert {begins for _, begins in hours(world)} == {hour_of(NOON)}
