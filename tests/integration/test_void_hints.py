"""Hints that nobody can claim any more do not pile up in the broker."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import dispatch, void_hints
from app.core.broker import sync_client
from app.domain.rank import Priority
from app.hints import Hint, HintRow, encode
from app.maintenance import invariants
from app.queries import tasks
from app.void_hints import VoidHints
from tests.support.world import QUEUE, World

WINDOW = 4


@pytest.fixture(autouse=True)
def small(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small window, which nobody but the test feeds."""
    monkeypatch.setattr(dispatch, "wake", lambda queue: None)
    world.set_window(WINDOW)


def cancel(world: World, *ids: uuid.UUID) -> None:
    """Revoke waiting tasks; their hints stay where they are."""
    for task_id in ids:
        world.database.execute(tasks.cancel_if_pending([task_id], None))


def length(world: World, level: int = Priority.NORMAL) -> int:
    """Messages in one list."""
    found: Any = sync_client().llen(world.key(level))
    return int(found)


def test_a_storm_of_cancels_does_not_fill_the_broker(world: World) -> None:
    ids = world.add_many(15 * WINDOW)
    for start in range(0, len(ids), WINDOW):
        world.feed()
        assert length(world) <= 3 * WINDOW
        cancel(world, *ids[start : start + WINDOW])
    assert world.marked() == 0
    assert invariants.run_once(world.database, sleep=lambda _: None).findings == []


def test_whoever_waits_keeps_its_hint(world: World) -> None:
    first = world.add_many(WINDOW)
    world.feed()
    cancel(world, *first[1:])
    others = world.add_many(WINDOW)
    world.feed()
    assert VoidHints(world.database).sweep(QUEUE, Priority.NORMAL) == WINDOW - 1
    claimable = {row.celery_id for row in world.hints()}
    waiting = [first[0], *others[: WINDOW - 1]]
    assert claimable == {world.row(task_id).celery_id for task_id in waiting}
    assert world.claim(*(world.pair(task_id) for task_id in waiting))


def test_a_slice_of_which_one_row_waits_is_kept(world: World) -> None:
    hint = Hint(
        "f", QUEUE, Priority.NORMAL,
        [HintRow(uuid.uuid4(), uuid.uuid4(), None, None), _row(world)],
        1.0, "", "",
    )  # fmt: skip
    sync_client().lpush(world.key(), encode(hint))
    assert VoidHints(world.database).sweep(QUEUE, Priority.NORMAL) == 0
    assert length(world) == 1


def _row(world: World) -> HintRow:
    task_id = world.add()
    world.mark(task_id)
    return HintRow(*world.pair(task_id), None, None)


def test_what_is_no_hint_is_not_ours(world: World) -> None:
    foreign = [b"not json", b"[]", b'{"headers": {"task": "plain.celery.call", "id": "x"}}']
    sync_client().lpush(world.key(), *foreign)
    assert VoidHints(world.database).sweep(QUEUE, Priority.NORMAL) == 0
    assert length(world) == len(foreign)


def test_a_list_that_is_long_for_another_reason_is_not_read_again_and_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_client().lpush(world.key(), *[b"[]"] * 20)
    void = VoidHints(world.database)
    assert void.sweep(QUEUE, Priority.NORMAL) == 0
    monkeypatch.setattr(void_hints, "list_key", None)  # whoever looks now fails
    assert void.sweep(QUEUE, Priority.NORMAL) == 0


def test_a_broker_that_is_away_has_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise ConnectionError("away")

    monkeypatch.setattr(void_hints, "sync_client", away)
    assert VoidHints(world.database).sweep(QUEUE, Priority.NORMAL) == 0


def test_lists_of_other_priorities_are_left_alone(world: World) -> None:
    low = world.add(priority=Priority.LOW)
    world.feed()
    cancel(world, low)
    ids = world.add_many(3 * WINDOW, priority=Priority.HIGH)
    for start in range(0, len(ids), WINDOW):
        world.feed()
        cancel(world, *ids[start : start + WINDOW])
    assert length(world, Priority.LOW) == 1
    assert length(world, Priority.HIGH) <= 3 * WINDOW
