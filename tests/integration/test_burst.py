"""The burst lane in one process: one claim, one settlement, and every row still its own."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.domain.lifecycle import TaskStatus
from app.domain.window import MAX_BURST
from app.hints import BURST_HEADER, HintRow, rows_of
from app.services import attempts
from app.services.attempts import Outcome
from app.worker import burst, connections, draining, link, outcome
from app.worker.burst import BurstRun
from app.worker.claim import Claim, on_order
from app.worker.execution import Message
from tests.support.databases import on_postgresql
from tests.support.world import QUEUE, Pair, World

FUNCTION = "tests.support.tasks.burst_step"


@pytest.fixture(autouse=True)
def own_connections(world: World) -> Iterator[None]:
    """Pool processes keep their connections; here every test has another database."""
    connections.database.cache_clear()
    connections.relaxed_database.cache_clear()
    yield
    connections.database.cache_clear()
    connections.relaxed_database.cache_clear()


def waiting(world: World, count: int, **fields: Any) -> list[Pair]:
    """Rows whose hint is out."""
    ids = [world.add(FUNCTION, args=["log"], **fields) for _ in range(count)]
    world.mark(*ids)
    return [world.pair(task_id) for task_id in ids]


def run(pairs: list[Pair], body: Callable[[Claim], Any]) -> list[str]:
    """Run a burst of these rows; what was logged."""
    rows = [HintRow(*pair, None, None) for pair in pairs]
    with capture_logs() as logged:
        BurstRun(rows, Message(QUEUE, FUNCTION, "w1", body)).run()
    return [each["event"] for each in logged]


def states(world: World, pairs: list[Pair]) -> list[tuple[str, int]]:
    return [(row.status, row.attempt) for row in (world.row(task_id) for task_id, _ in pairs)]


# -- feed -----------------------------------------------------------------------------------


def test_a_message_carries_as_many_as_the_lane_takes(world: World) -> None:
    for _ in range(MAX_BURST + 10):
        world.add(FUNCTION, args=["log"])
    world.set_window(1000, slots=0)
    world.feed()
    messages = world.messages()
    assert [len(rows_of(each["headers"]) or ()) for each in messages] == [MAX_BURST, 10]
    assert all(each["headers"][BURST_HEADER] is True for each in messages)


def test_what_may_start_only_once_does_not_take_the_lane(world: World) -> None:
    for _ in range(8):
        world.add(FUNCTION, args=["log"], max_attempts=1)
    world.set_window(1000, slots=0)
    world.feed()
    assert [BURST_HEADER in each["headers"] for each in world.messages()] == [False] * 8


def test_a_burst_function_may_run_again_unless_its_author_says_otherwise(world: World) -> None:
    assert world.row(world.add(FUNCTION, args=["log"])).max_attempts == 4


# -- statements -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 4, 17, 256, 258])
def test_any_number_is_claimed_and_settled_at_once(world: World, count: int) -> None:
    pairs = waiting(world, count)
    claimed = attempts.claim_many(world.database, pairs, "w1")
    assert {(row.id, row.celery_id) for row in claimed} == set(pairs)
    outcomes = [
        (pair, Outcome(TaskStatus.SUCCEEDED, result=str(n))) for n, pair in enumerate(pairs)
    ]
    assert len(attempts.settle(world.database, outcomes)) == count
    assert [world.row(task_id).result for task_id, _ in pairs] == list(range(count))


def test_a_row_that_never_began_is_as_it_was(world: World) -> None:
    (pair,) = waiting(world, 1, priority=3)
    rank = world.row(pair[0]).rank
    attempts.claim_many(world.database, [pair], "w1")
    (returned,) = attempts.return_unbegun(world.database, [pair])
    row = world.row(pair[0])
    assert (returned.status, returned.queue) == ("pending", QUEUE)
    assert (row.attempt, row.tries, row.rank, row.started_at) == (0, 0, rank, None)
    assert row.celery_id != pair[1]
    assert world.settle(pair) == []
    assert attempts.return_unbegun(world.database, [pair]) == []


def test_one_that_was_cancelled_before_it_began_never_ran(world: World) -> None:
    (pair,) = waiting(world, 1)
    attempts.claim_many(world.database, [pair], "w1")
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")
    attempts.return_unbegun(world.database, [pair])
    row = world.row(pair[0])
    assert (row.status, row.reason, row.attempt) == ("revoked", "cancelled", 0)
    assert row.completed_at is not None


# -- a run ------------------------------------------------------------------------------------


def test_all_rows_run_once_in_their_order(world: World) -> None:
    pairs = waiting(world, 20)
    ran: list[uuid.UUID] = []
    run(pairs, lambda claim: ran.append(claim.task_id))
    assert ran == [task_id for task_id, _ in pairs]
    assert states(world, pairs) == [("succeeded", 1)] * 20


def test_rows_that_somebody_else_has_are_left_alone(world: World) -> None:
    pairs = waiting(world, 4)
    world.claim(pairs[1], worker="w2")
    ran: list[uuid.UUID] = []
    run(pairs, lambda claim: ran.append(claim.task_id))
    assert len(ran) == 3
    assert states(world, pairs)[1] == ("running", 1)
    assert world.row(pairs[1][0]).worker == "w2"


def test_one_that_fails_runs_again_and_its_neighbours_do_not(world: World) -> None:
    pairs = waiting(world, 5)

    def body(claim: Claim) -> None:
        if claim.task_id == pairs[2][0]:
            raise ValueError("as planned")

    events = run(pairs, body)
    found = states(world, pairs)
    assert found.pop(2) == ("pending", 1)
    assert found == [("succeeded", 1)] * 4
    assert events == ["attempt_ended"]
    assert world.history(pairs[2][0])[0].error["message"] == "as planned"


def test_one_that_was_cancelled_meanwhile_does_not_begin(world: World) -> None:
    pairs = waiting(world, 3)
    ran: list[uuid.UUID] = []

    def body(claim: Claim) -> None:
        ran.append(claim.task_id)
        if claim.task_id == pairs[0][0]:
            world.force(pairs[2][0], cancel_requested_at=world.now(), cancel_reason="cancelled")
            on_order("cancel", str(pairs[2][1]))

    run(pairs, body)
    assert ran == [pairs[0][0], pairs[1][0]]
    assert states(world, pairs)[2][0] == "revoked"


def test_nobody_waits_for_a_slow_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(burst, "LOOK_SECONDS", 0.02)
    pairs = waiting(world, 4)
    go_on = threading.Event()
    seen: list[list[tuple[str, int]]] = []

    def body(claim: Claim) -> None:
        if claim.task_id == pairs[1][0]:
            deadline = time.monotonic() + 10
            while states(world, pairs)[3][0] != "pending" and time.monotonic() < deadline:
                go_on.wait(0.02)
            while states(world, pairs)[0][0] != "succeeded" and time.monotonic() < deadline:
                go_on.wait(0.02)
            seen.append(states(world, pairs))

    run(pairs, body)
    assert seen == [[("succeeded", 1), ("running", 1), ("pending", 0), ("pending", 0)]]
    assert states(world, pairs)[1] == ("succeeded", 1)


def test_a_stopping_worker_gives_the_rest_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = waiting(world, 3)

    def body(claim: Claim) -> None:
        monkeypatch.setattr(draining, "has_begun", lambda: True)

    run(pairs, body)
    assert states(world, pairs) == [("succeeded", 1), ("pending", 0), ("pending", 0)]


# SQLite stores any text.
@on_postgresql
def test_one_outcome_that_cannot_be_stored_spoils_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = waiting(world, 3)
    plain = Outcome(TaskStatus.SUCCEEDED, result="1")
    outcomes = iter([plain, Outcome(TaskStatus.SUCCEEDED, result="\x00"), plain])
    monkeypatch.setattr(outcome, "succeeded", lambda value, attempt: next(outcomes))
    events = run(pairs, lambda claim: None)
    assert [status for status, _ in states(world, pairs)] == ["succeeded", "failed", "succeeded"]
    assert "outcome_not_stored" in events


def test_the_agent_hears_of_the_whole_and_of_who_runs_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[list[Any]] = []
    line = link.Link("", lambda order, celery_id: None, "w1", 0)
    monkeypatch.setattr(line, "_send", said.extend)
    monkeypatch.setattr(burst, "link", lambda: line)
    pairs = waiting(world, 3)

    def body(claim: Claim) -> None:
        if claim.task_id == pairs[0][0]:
            raise ValueError("as planned")

    run(pairs, body)
    assert [message[0] for message in said] == ["burst", "done", "burst_over"]
    assert said[0][4] == [[str(task), str(celery), None, None] for task, celery in pairs]
    assert said[1][3] == QUEUE
    assert said[2][2] == 3
