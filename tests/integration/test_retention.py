"""Retention at its pace: real rows on a real database, and a clock that moves when it is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from app.maintenance import prune, retention
from app.maintenance.retention import EVERY_SECONDS, SHARE, SHARE_WHEN_LATE, Retention
from app.models import IdempotencyKey
from app.queries import intake
from app.services.intake import IDEMPOTENCY_SECONDS
from app.worker.duties import Duties
from app.worker.holdings import Holdings
from app.worker.steadiness import Steadiness
from tests.support.environment import use_settings
from tests.support.old import long_finished
from tests.support.world import World

USUAL, WHEN_LATE = 1 / SHARE - 1, 1 / SHARE_WHEN_LATE - 1


class Pace:
    """A retention whose every step takes a second, and its rests."""

    def __init__(self, world: World, *, held: Callable[[], bool] = lambda: True) -> None:
        self.rests: list[float] = []
        clock = map(float, count())
        self.retention = Retention(world.database, held, clock=lambda: next(clock), rest=self._rest)

    async def _rest(self, seconds: float) -> None:
        self.rests.append(seconds)

    async def run(self) -> int:
        """One pass; how many tasks it has removed."""
        return (await self.retention.run_once()).tasks


@pytest.fixture(autouse=True)
def _batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)


async def test_what_is_more_than_a_batch_is_removed_without_waiting_for_a_minute(
    world: World,
) -> None:
    old = long_finished(world, 10)
    young = world.add()
    pace = Pace(world)
    assert await pace.run() == 10
    assert all(world.gone(each) for each in old)
    assert not world.gone(young)
    assert pace.retention.pause() == EVERY_SECONDS


async def test_after_each_batch_the_database_is_left_alone_for_a_multiple_of_its_time(
    world: World,
) -> None:
    long_finished(world, 10, days=30.5)
    pace = Pace(world)
    await pace.run()
    assert len(pace.rests) >= 4
    assert {round(each, 6) for each in pace.rests} == {round(USUAL, 6)}


async def test_a_step_that_was_held_up_is_no_reason_to_rest_for_long(world: World) -> None:
    moments = iter([0.0, 0.0, 3600.0, 3600.0])
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    await Retention(world.database, lambda: True, clock=lambda: next(moments), rest=rest).run_once()
    assert rests == [EVERY_SECONDS]


async def test_a_pass_ends_after_a_minute_and_the_next_one_goes_on_at_once(world: World) -> None:
    long_finished(world, 90)
    pace = Pace(world)
    first = await pace.run()
    assert 0 < first < 90
    assert pace.retention.pause() == 0.0
    while not pace.retention.pause():
        first += await pace.run()
    assert first == 90


async def test_other_kinds_have_their_turn_while_many_tasks_are_due(world: World) -> None:
    long_finished(world, 90)
    asked = world.running()
    world.settle(asked)
    world.force(asked[0], delete_requested_at=world.now())
    assert (await Pace(world).retention.run_once()).deleted == 1


async def test_who_falls_behind_takes_more_of_the_time_and_says_so_once(world: World) -> None:
    long_finished(world, 90, days=32)
    pace = Pace(world)
    with capture_logs() as logs:
        passes = [await pace.run()]
        while not pace.retention.pause():
            passes.append(await pace.run())
    assert {round(each, 6) for each in pace.rests} == {round(WHEN_LATE, 6)}
    assert len(passes) > 1
    told = [entry["event"] for entry in logs if entry["event"].startswith("retention")]
    assert told == ["retention_late", "retention_caught_up"]
    long_finished(world, 4, days=30.5)
    pace.rests.clear()
    assert await pace.run() == 4
    assert {round(each, 6) for each in pace.rests} == {round(USUAL, 6)}


@pytest.mark.parametrize(
    ("days", "old_days", "late"),
    [("30", 30.9, False), ("30", 31.1, True), ("1", 1.04, False), ("1", 1.06, True)],
)
def test_late_is_a_day_or_a_twentieth_of_the_time(
    world: World, clean_settings: pytest.MonkeyPatch, days: str, old_days: float, late: bool
) -> None:
    use_settings(clean_settings, retention_days=days)
    long_finished(world, 1, days=old_days)
    assert prune.is_late(world.database) is late


def test_where_everything_is_kept_nothing_is_late(
    world: World, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, retention_days="0", audit_retention_days="0")
    long_finished(world, 1, days=4000)
    assert not prune.is_late(world.database)


async def test_who_has_not_the_duty_removes_nothing_and_asks_again_soon(world: World) -> None:
    long_finished(world, 1)
    pace = Pace(world, held=lambda: False)
    assert await pace.run() == 0
    assert pace.retention.pause() < EVERY_SECONDS
    assert pace.rests == []


async def test_who_loses_the_duty_stops_after_the_batch(world: World) -> None:
    long_finished(world, 90)
    answers = iter([True] * 12)
    pace = Pace(world, held=lambda: next(answers, False))
    assert 0 < await pace.run() < 90


async def test_a_rescue_is_not_held_up_while_much_is_due(
    world: World, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, lease_seconds=1, heartbeat_seconds=0.5, reconcile_seconds=0.2)
    old = long_finished(world, 10)
    lost, _ = world.running()
    world.end_lease(lost)
    begun = asyncio.Event()

    async def rest(_: float) -> None:
        begun.set()
        await asyncio.Event().wait()  # for ever

    duties = Duties(Holdings(), world.database, "a1", Steadiness())
    await duties.run_once()
    removing = asyncio.create_task(
        Retention(world.database, lambda: duties.held, rest=rest).run_once()
    )
    await begun.wait()
    deadline = time.monotonic() + 10
    while world.row(lost).status == "running":
        await duties.run_once()
        await asyncio.sleep(0.1)  # the duty's rhythm
        assert time.monotonic() < deadline
    assert not removing.done()
    assert not any(world.gone(each) for each in old)
    removing.cancel()


def test_idempotency_keys_go_in_batches_when_their_day_is_over(world: World) -> None:
    keys = [_key(str(number), world.now() - timedelta(hours=25)) for number in range(7)]
    keys.append(_key("young", world.now() - timedelta(hours=23)))
    world.database.execute(insert(IdempotencyKey), keys)
    assert len(world.database.execute(intake.drop_keys(IDEMPOTENCY_SECONDS, 3)).all()) == 3
    prune.run_once(world.database, 3)
    assert world.database.execute(select(IdempotencyKey.key)).column() == ["young"]


def _key(key: str, created_at: datetime) -> dict[str, Any]:
    return {"owner": "o", "key": key, "fingerprint": "f", "created_at": created_at}
