"""A transaction of the hot path: what its statements see, and what an error leaves behind."""

from __future__ import annotations

import contextlib
import threading

import pytest
from sqlalchemy import BigInteger, cast, func, literal, select
from sqlalchemy.exc import DBAPIError

from app.db.prepared import Call
from app.db.session import Database
from app.queries import feed
from tests.support.world import QUEUE, World


def _marks(world: World, *ids: object) -> Call:
    return feed.mark(), {"queue_name": QUEUE, "ids": list(ids), "level": 1}


def _waiting(room: int = 10) -> Call:
    return feed.waiting(), {"queue_name": QUEUE, "room": room}


def test_a_statement_sees_what_the_one_before_it_did(world: World) -> None:
    first, second = world.add_many(2)
    with world.database.exchanges() as exchanges:
        before, marked, after = exchanges.ask(_waiting(), _marks(world, first), _waiting())
    assert before.column() == [first, second]
    assert marked.column() == [first]
    assert after.column() == [second]
    assert world.marked() == 1


def test_an_error_in_the_block_takes_everything_back(world: World) -> None:
    row = world.add()
    with contextlib.suppress(ZeroDivisionError), world.database.exchanges() as exchanges:
        assert exchanges.ask(_marks(world, row))[0].column() == [row]
        raise ZeroDivisionError
    assert world.marked() == 0


def test_the_last_exchange_commits(world: World) -> None:
    row = world.add()
    with world.database.exchanges() as exchanges:
        assert exchanges.ask(_marks(world, row), ending=True)[0].column() == [row]
        other = Database()
        assert other.run(_waiting())[0].column() == []
        other.close()


@pytest.mark.parametrize("ending", [False, True])
def test_the_error_of_a_statement_is_the_databases_own_and_harms_nobody(
    world: World, ending: bool
) -> None:
    """The ones behind it in the same exchange are not executed, and the next block is."""
    row = world.add()
    smallest = cast(literal("-9223372036854775808"), BigInteger)
    wrong: Call = (select(func.abs(smallest, type_=BigInteger).label("too_large")), {})
    with pytest.raises(DBAPIError) as raised, world.database.exchanges() as exchanges:
        exchanges.ask(_marks(world, row), wrong, _waiting(), ending=ending)
    assert "pipeline" not in str(raised.value).lower()
    assert world.marked() == 0
    with world.database.exchanges() as exchanges:
        assert exchanges.ask(_marks(world, row))[0].column() == [row]
    assert world.marked() == 1


def test_a_block_that_asks_nothing_is_no_transaction(world: World) -> None:
    with world.database.exchanges():
        pass
    assert world.feed().rows == 0


def test_what_others_commit_while_a_lock_is_waited_for_is_seen(world: World) -> None:
    """The look behind the lock in the same exchange must not be older than the lock."""
    world.set_window(1)
    one, two = world.add_many(2)
    other = Database()
    seen: list[object] = []

    def look() -> None:
        named = {"queue_name": QUEUE}
        with other.exchanges() as exchanges:
            _, waiting = exchanges.ask((feed.lock_queue(), named), _waiting())
            seen.extend(waiting.column())

    with world.database.exchanges() as exchanges:
        exchanges.ask((feed.lock_queue(), {"queue_name": QUEUE}))
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(0.3)  # long enough for it to come to the lock
        assert thread.is_alive()
        exchanges.ask(_marks(world, one))
    thread.join(20)
    other.close()
    assert seen == [two]
