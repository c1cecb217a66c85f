"""Lost hints are sent again on evidence, and on nothing less."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from app import dispatch
from app.core.broker import BrokerError, sync_client
from app.domain.rank import Priority
from app.maintenance.resend import Resend
from app.queries import feed
from tests.support.world import Pair, World

LIMIT = 500


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were to be fed; a test feeds by itself."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", queues.append)
    return queues


@pytest.fixture
def looker(world: World, woken: list[str]) -> Resend:
    return Resend(world.database)


def published(
    world: World, count: int, seconds_ago: float = 10, **fields: object
) -> list[uuid.UUID]:
    """Rows whose hints have been out for a while."""
    ids = world.add_many(count, **fields)
    world.feed()
    for task_id in ids:
        world.force(task_id, dispatched_at=world.now() - timedelta(seconds=seconds_ago))
    return ids


def test_hints_that_are_in_the_broker_are_left_alone_however_old(
    world: World, looker: Resend
) -> None:
    published(world, 5, seconds_ago=86_400)
    for _ in range(5):
        assert looker.run_once(LIMIT).counts() == {}
    assert len(world.hints()) == 5


def test_a_lost_hint_is_sent_again_under_a_new_id(
    world: World, looker: Resend, woken: list[str]
) -> None:
    first, second, third = published(world, 3)
    lost = world.pair(second)
    entries = sync_client().lrange(world.key(), 0, -1)
    assert isinstance(entries, list)
    sync_client().lrem(world.key(), 1, entries[1])  # type: ignore[arg-type]
    looker.run_once(LIMIT)
    assert looker.run_once(LIMIT).resent == 1
    assert woken == ["default"]
    world.feed()
    assert [hint.task_id for hint in world.hints()] == [first, third, second]
    assert world.claim(lost) == []
    assert len(world.claim(world.pair(second))) == 1


def test_one_look_proves_nothing(world: World, looker: Resend) -> None:
    """A hint that is being taken is in the broker no more, and its row not claimed yet."""
    (task_id,) = published(world, 1)
    pair = world.pair(task_id)
    sync_client().delete(world.key())
    report = looker.run_once(LIMIT)
    assert (report.resent, report.suspected) == (0, 1)
    assert len(world.claim(pair)) == 1
    assert looker.run_once(LIMIT).counts() == {}


def test_after_a_flush_every_row_goes_out_again_once(
    world: World, looker: Resend, woken: list[str]
) -> None:
    world.set_window(30)
    ids = published(world, 30)
    sync_client().delete(world.key())
    assert looker.run_once(LIMIT).suspected == 30
    assert looker.run_once(LIMIT).resent == 30
    world.feed()
    assert [hint.task_id for hint in world.hints()] == ids
    for _ in range(3):
        assert looker.run_once(LIMIT).counts() == {}


def test_recovery_goes_in_batches(world: World, looker: Resend) -> None:
    world.set_window(30)
    published(world, 30)
    sync_client().delete(world.key())
    looker.run_once(10)
    assert [looker.run_once(10).resent for _ in range(4)] == [10, 10, 10, 0]


def test_a_hint_that_may_still_be_under_way_is_not_missed(world: World, looker: Resend) -> None:
    """A process that marked a row publishes its hint a moment later."""
    world.mark(world.add())
    assert [looker.run_once(LIMIT).suspected for _ in range(3)] == [0, 0, 0]


def test_rows_that_were_marked_by_a_process_that_died_go_out(world: World, looker: Resend) -> None:
    task_id = world.add()
    world.mark(task_id)
    world.force(task_id, dispatched_at=world.now() - timedelta(seconds=5))
    looker.run_once(LIMIT)
    assert looker.run_once(LIMIT).resent == 1
    world.feed()
    assert [hint.task_id for hint in world.hints()] == [task_id]


def test_a_hint_inside_a_slice_is_seen(world: World, looker: Resend) -> None:
    world.database.execute(feed.fold_runtime("tests.support.tasks.noop", 50, 0.001, 0.001))
    world.set_window(60, slots=1)
    published(world, 60)
    assert len(world.messages()) < 10
    for _ in range(3):
        assert looker.run_once(LIMIT).counts() == {}


def test_entries_of_strangers_in_the_list_are_skipped(world: World, looker: Resend) -> None:
    published(world, 1)
    sync_client().lpush(world.key(), "not json", '{"headers": {}}', "[1, 2]")
    for _ in range(3):
        assert looker.run_once(LIMIT).counts() == {}


def test_with_the_broker_away_nothing_is_concluded(
    world: World, looker: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task_id,) = published(world, 1)
    celery_id = world.pair(task_id)[1]

    def away(*args: object, **kwargs: object) -> None:
        raise BrokerError[0]("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(sync_client(), "pipeline", away)
        for _ in range(3):
            assert looker.run_once(LIMIT).resent == 0
    assert world.pair(task_id)[1] == celery_id
    assert looker.run_once(LIMIT).counts() == {}


def test_a_hint_that_its_row_has_outgrown_is_sent_under_the_higher_priority(
    world: World, looker: Resend
) -> None:
    old, young = published(world, 2, priority=Priority.LOW)
    old_pair = world.pair(old)
    world.force(old, rank=world.row(old).rank - round(2.5 * 3600 * 1_000_000))
    assert looker.run_once(LIMIT).promoted == 1
    world.feed()
    assert [hint.task_id for hint in world.hints(Priority.HIGH)] == [old]
    assert world.claim(old_pair) == []
    assert world.row(young).dispatched_priority == Priority.LOW
    assert looker.run_once(LIMIT).promoted == 0


def test_a_high_hint_is_never_promoted_to_critical(world: World, looker: Resend) -> None:
    (task_id,) = published(world, 1, priority=Priority.HIGH)
    world.force(task_id, rank=world.row(task_id).rank - 86_400 * 365 * 1_000_000)
    assert looker.run_once(LIMIT).promoted == 0


def test_a_row_claimed_between_looking_and_taking_back_keeps_its_id(
    world: World, looker: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task_id,) = published(world, 1)
    pair = world.pair(task_id)
    sync_client().delete(world.key())
    looker.run_once(LIMIT)
    original = feed.unmark

    def after_a_claim(pairs: list[Pair]) -> object:
        assert len(world.claim(pair)) == 1
        return original(pairs)

    monkeypatch.setattr(feed, "unmark", after_a_claim)
    assert looker.run_once(LIMIT).resent == 0
    assert world.pair(task_id) == pair
    assert len(world.settle(pair)) == 1
