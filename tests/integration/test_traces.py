"""Spans of what the parts do, on both databases, in the test's own process."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core import tracing
from app.db import observed
from app.db.session import pools
from app.domain.lifecycle import TaskStatus
from app.hints import HintRow
from app.maintenance import rescue
from app.models import Schedule
from app.scheduler import firing
from app.scheduler.entries import read
from app.services import external
from app.services.building import NewTask
from app.services.catalogue import catalogue
from app.services.task import task_service
from app.worker import connections, execution, link, traces
from app.worker.burst import BurstRun
from app.worker.claim import Claim
from app.worker.execution import Message
from tests.support.traces import Recording, only, recording
from tests.support.world import NOOP, QUEUE, Pair, World

TRACE, CALLER = f"{7:032x}", f"{8:016x}"
SAMPLED = f"00-{TRACE}-{CALLER}-01"
UNSAMPLED = f"00-{TRACE}-{CALLER}-00"
RUN = f"run {NOOP}"


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody feeds but the test."""
    monkeypatch.setattr(dispatch, "wake", lambda queue, **_: None)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Recording]:
    """What is recorded from here on. Connections of before are in no trace."""
    connections.database.cache_clear()
    connections.relaxed_database.cache_clear()
    with recording(monkeypatch) as found:
        yield found
    connections.database.cache_clear()
    connections.relaxed_database.cache_clear()


@pytest.fixture
def world(recorded: Recording, world: World) -> World:
    """Rows, whose database is opened only now."""
    return world


def span_id(task_id: uuid.UUID, attempt: int = 1) -> str:
    """By which everybody knows the span of an attempt."""
    return f"{tracing.span_id_of(task_id, attempt):016x}"


def claimable(world: World, **fields: Any) -> Pair:
    """A row whose hint is out."""
    task_id = world.add(**fields)
    world.mark(task_id)
    return world.pair(task_id)


def run(pair: Pair, body: Any = lambda claim: None) -> None:
    """What a pool process does with a hint."""
    execution.run_rows([HintRow(*pair, None, None)], Message(QUEUE, NOOP, "w1", body))


# -- attempts -------------------------------------------------------------------------------


def test_an_attempts_span_is_below_the_place_of_its_row(world: World, recorded: Recording) -> None:
    pair = claimable(world, trace_context=SAMPLED)
    run(pair)
    ran = only(recorded.spans, RUN)
    assert (ran.trace, ran.parent, ran.id) == (TRACE, CALLER, span_id(pair[0]))
    assert ran.facts["tasksystem.task.status"] == "succeeded"
    claim, settle = (only(recorded.spans, name) for name in ("claim", "settle"))
    assert claim.parent == settle.parent == ran.id
    assert ran.began <= claim.began <= claim.ended <= settle.began <= settle.ended <= ran.ended


def test_attempts_of_a_row_without_a_place_share_a_trace(world: World, recorded: Recording) -> None:
    def fail(claim: Claim) -> None:
        raise ValueError("very private")

    task_id, _ = pair = claimable(world, max_attempts=2)
    run(pair, fail)
    world.force(task_id, rank=1)
    world.mark(task_id)
    run(world.pair(task_id), fail)
    first, second = recorded.named(RUN)
    assert first.parent == second.parent == ""
    assert first.trace == second.trace == f"{tracing.trace_id_of(task_id):032x}"
    assert second.links == ((first.trace, first.id),)
    assert (first.facts["error.type"], first.events) == ("ValueError", 0)
    assert "very private" not in recorded.text


def test_what_is_not_sampled_costs_no_span(world: World, recorded: Recording) -> None:
    seen: list[str | None] = []
    run(claimable(world, trace_context=UNSAMPLED), lambda claim: seen.append(tracing.here()))
    assert recorded.spans == []
    # What the body calls learns that it is not sampled either.
    (place,) = seen
    assert place is not None
    assert (place[:35], place[-1]) == (UNSAMPLED[:35], "0")


def test_who_is_refused_writes_no_span_and_who_settles_does(
    world: World, recorded: Recording
) -> None:
    task_id, celery_id = pair = claimable(world, trace_context=SAMPLED)

    def lose_the_lease(claim: Claim) -> None:
        world.end_lease(task_id)
        rescue.run_once(world.database, 10)

    run(pair, lose_the_lease)
    ran = only(recorded.spans, RUN)
    assert (ran.parent, ran.id, ran.failed) == (CALLER, span_id(task_id), True)
    assert ran.facts["error.type"] == "worker_lost"
    assert ran.facts["messaging.message.id"] == str(celery_id)


def test_a_cancel_that_is_done_for_a_dead_attempt_is_no_error(
    world: World, recorded: Recording
) -> None:
    pair = world.running(trace_context=SAMPLED)
    world.end_lease(pair[0])
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")
    rescue.run_once(world.database, 10)
    ran = only(recorded.spans, RUN)
    assert (ran.facts["tasksystem.task.status"], ran.failed) == ("revoked", False)


def test_a_burst_has_a_span_for_each_row_that_ends_with_its_body(
    world: World, recorded: Recording
) -> None:
    pairs = [claimable(world, trace_context=SAMPLED) for _ in range(3)]
    unsampled = claimable(world, trace_context=UNSAMPLED)
    rows = [HintRow(*pair, None, None) for pair in (*pairs, unsampled)]
    BurstRun(rows, Message(QUEUE, NOOP, "w1", lambda claim: None)).run()
    assert [each.id for each in recorded.spans] == [span_id(task_id) for task_id, _ in pairs]
    ends = [each.ended for each in recorded.spans]
    assert ends == sorted(set(ends))


def test_what_is_looked_up_for_a_trace_takes_none_of_the_bodys_time(
    world: World, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = traces.begin
    said: list[bool] = []

    def begins(_line: link.Link, _row: HintRow, *, late: bool) -> None:
        said.append(late)

    def slow(*given: Any) -> tracing.Span:
        time.sleep(1.5 * execution.LATE_SECONDS)  # as where the database is slow to answer
        return begin(*given)

    monkeypatch.setattr(traces, "begin", slow)
    monkeypatch.setattr(link.Link, "begins", begins)
    run(claimable(world, trace_context=SAMPLED))
    assert said == [True]


async def test_an_executor_outside_has_a_span_too(
    world: World, recorded: Recording, db: AsyncSession
) -> None:
    task_id = world.add(trace_context=SAMPLED)
    await external.claim(db, task_id, "gpu", lease_seconds=60)
    await external.report(db, task_id, 1, status=TaskStatus.SUCCEEDED)
    ran = only(recorded.spans, RUN)
    assert (ran.parent, ran.id) == (CALLER, span_id(task_id))
    assert ran.facts["tasksystem.worker"] == "external:gpu"


# -- submitting and publishing --------------------------------------------------------------


async def test_a_commit_that_is_shared_is_below_one_and_linked_to_the_others(
    recorded: Recording,
) -> None:
    async def accept(number: int) -> str:
        new = NewTask(name=str(number), task_type="t", celery_task_name=NOOP)
        row, _ = await task_service.accept(new)
        return str(row["trace_context"])

    async with pools():
        places = await asyncio.gather(*(accept(number) for number in range(4)))
    submits = recorded.named("submit")
    assert {each.place for each in submits} == {place[:52] for place in places}
    stores = recorded.named("store")
    told = [each.parent for each in stores] + [of for each in stores for _, of in each.links]
    assert sorted(told) == sorted(each.id for each in submits)
    assert len(stores) < len(places)
    assert [each.parent for each in recorded.named("INSERT tasks")] == [each.id for each in stores]


async def test_many_at_once_have_one_span(world: World, recorded: Recording) -> None:
    fields = {"name": "n", "task_type": "t", "celery_task_name": NOOP}
    ids, _ = await task_service.accept_many([fields] * 3, user_id=uuid.uuid4())
    submit = only(recorded.spans, "submit")
    assert {world.row(each).trace_context[:52] for each in ids} == {submit.place}
    assert submit.facts["messaging.batch.message_count"] == 3


def test_each_message_has_a_span_below_what_it_carries(world: World, recorded: Recording) -> None:
    other = f"{9:016x}"
    for place in (SAMPLED, UNSAMPLED, None, SAMPLED.replace(CALLER, other)):
        world.add(trace_context=place)
    world.feed()
    assert len(world.messages()) == 4
    spans = recorded.named(f"publish {QUEUE}")
    assert sorted(each.parent for each in spans) == [CALLER, other]
    assert {each.facts["tasksystem.message.rows"] for each in spans} == {1}


def test_a_firing_begins_a_trace_and_its_task_is_below(world: World, recorded: Recording) -> None:
    entry = read("every", {"task": NOOP, "schedule": 60}, "Asia/Shanghai")
    firing.sync(world.database, {"every": entry})
    late = world.now() - timedelta(seconds=1)
    world.database.execute(update(Schedule).values(next_fire=late))
    (task_id,) = firing.run_once(world.database, {"every": entry}, catalogue()).fired
    fire = only(recorded.spans, "fire")
    assert (fire.parent, fire.kind) == ("", "producer")
    assert world.row(task_id).trace_context[:52] == fire.place
    assert fire.facts["tasksystem.task.id"] == str(task_id)


# -- statements -----------------------------------------------------------------------------


def test_statements_are_in_a_trace_only_inside_a_span(world: World, recorded: Recording) -> None:
    task_id = world.add()
    world.row(task_id)
    assert recorded.spans == []
    with tracing.span("around"):
        world.row(task_id)
    select = only(recorded.spans, "SELECT tasks")
    assert select.parent == only(recorded.spans, "around").id
    system = "postgresql" if world.is_postgresql else "sqlite"
    assert (select.kind, select.facts["db.system.name"]) == ("client", system)
    assert "FROM tasks" in select.facts["db.query.text"]
    assert task_id.hex not in recorded.text.replace("-", "")


def test_a_statement_that_fails_says_so(world: World, recorded: Recording) -> None:
    with tracing.span("around"), pytest.raises(DBAPIError):
        world.database.execute(text("SELECT nothing FROM nowhere"))
    failed = only(recorded.spans, "SELECT nowhere")
    assert failed.failed
    assert failed.facts["error.type"] in ("OperationalError", "UndefinedTable")


def test_of_a_long_statement_only_the_beginning_is_remembered(
    world: World, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    said = observed._said

    def noted(statement: str) -> Any:
        looked_at.append(statement)
        return said(statement)

    monkeypatch.setattr(observed, "_said", noted)
    with tracing.span("around"):
        world.database.execute(text(f"SELECT id FROM tasks WHERE name = '{'x' * 50_000}'"))
    assert max(map(len, looked_at)) == observed.MAX_LOOKED_AT
    assert only(recorded.spans, "SELECT tasks").kind == "client"
