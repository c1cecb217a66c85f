"""What an agent believes of a process after that has connected anew."""

from __future__ import annotations

import time
import uuid
from typing import Any, cast

from app.worker.holdings import Holdings, Process
from app.worker.wire import Connection


def _connection() -> Connection:
    return cast("Connection", object())


def _claim(celery_id: uuid.UUID, *since: float) -> list[Any]:
    return ["claim", str(uuid.uuid4()), str(celery_id), "default", "f", 60.0, None, *since]


def _process(holdings: Holdings, *under_way: uuid.UUID) -> Process:
    ids = [str(celery_id) for celery_id in under_way]
    holdings.child_said_hello(_connection(), 7, 6, "w", ids)
    return holdings.processes[7]


def test_a_claim_that_is_not_told_again_is_over() -> None:
    holdings = Holdings()
    process = _process(holdings)
    settled, open_ = uuid.uuid4(), uuid.uuid4()
    holdings.claimed_by(process, _claim(settled))
    holdings.claimed_by(process, _claim(open_))
    assert _process(holdings, open_) is process
    assert set(process.held) == {open_}


def test_a_new_agent_counts_limits_from_the_claim_and_not_from_its_own_start() -> None:
    holdings = Holdings()
    process = _process(holdings)
    held = holdings.claimed_by(process, _claim(uuid.uuid4(), time.monotonic() - 50))
    assert time.monotonic() - held.since >= 50


def test_limits_of_a_late_claim_count_from_its_body() -> None:
    holdings = Holdings()
    process = _process(holdings)
    celery_id = uuid.uuid4()
    held = holdings.claimed_by(process, _claim(celery_id, time.monotonic() - 50))
    held.told.add("timeout")
    holdings.waits(process, celery_id)
    assert held.waiting
    holdings.begins(process, celery_id)
    assert not held.waiting
    assert time.monotonic() - held.since < 1
    assert "timeout" not in held.told


def test_a_body_that_began_while_nobody_listened_is_no_longer_waited_for() -> None:
    """Its process tells anew what is under way, since when, and what still waits."""
    holdings = Holdings()
    begun, waits = uuid.uuid4(), uuid.uuid4()
    process = _process(holdings)
    for celery_id in (begun, waits):
        holdings.claimed_by(process, _claim(celery_id))
        holdings.waits(process, celery_id)
    since = time.monotonic() - 5
    _process(holdings, begun, waits)
    holdings.claimed_by(process, _claim(begun, since))
    holdings.claimed_by(process, _claim(waits, since))
    holdings.waits(process, waits)
    assert {held.pair[1]: held.waiting for held in process.held.values()} == {
        begun: False, waits: True,
    }  # fmt: skip
    assert process.held[begun].since == since
