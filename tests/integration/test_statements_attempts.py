"""Claim, report and settle: fenced, in lists, and an answer where there is no row."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from app.db.base import dump_json
from app.domain.lifecycle import TaskStatus
from app.queries import claims, feed
from tests.support.world import World


def test_a_claim_needs_the_mark(world: World) -> None:
    task_id = world.add()
    assert world.claim(world.pair(task_id)) == []
    assert world.row(task_id).status == TaskStatus.PENDING


def test_a_claim_starts_an_attempt_and_returns_the_arguments(world: World) -> None:
    task_id = world.add("tests.support.tasks.echo", args=[1, 2**80], kwargs={"k": "中"})
    world.mark(task_id)
    (claimed,) = world.claim(world.pair(task_id), worker="w9")
    assert (claimed.args, claimed.kwargs) == ([1, 2**80], {"k": "中"})
    assert (claimed.attempt, claimed.tries, claimed.max_attempts) == (1, 1, 1)
    row = world.row(task_id)
    assert (row.status, row.worker) == ("running", "w9")
    assert row.created_at <= row.dispatched_at <= row.started_at < row.lease_until


def test_the_same_hint_claims_once(world: World) -> None:
    task_id = world.add()
    world.mark(task_id)
    pair = world.pair(task_id)
    assert len(world.claim(pair, worker="w1")) == 1
    assert world.claim(pair, worker="w2") == []
    assert world.row(task_id).worker == "w1"


def test_a_hint_of_an_earlier_publish_loses(world: World) -> None:
    task_id = world.add()
    world.mark(task_id)
    old = world.pair(task_id)
    world.database.execute(feed.unmark([old]))
    world.mark(task_id)
    assert world.claim(old) == []
    assert len(world.claim(world.pair(task_id))) == 1


def test_an_expired_row_is_not_claimed(world: World) -> None:
    task_id = world.add(expires_at=world.now() + timedelta(hours=1))
    world.mark(task_id)
    world.force(task_id, expires_at=world.now() - timedelta(seconds=1))
    assert world.claim(world.pair(task_id)) == []


@pytest.mark.parametrize("count", [2, 7, 50])
def test_a_list_is_claimed_and_settled_by_one_statement_each(world: World, count: int) -> None:
    ids = world.add_many(count)
    world.mark(*ids)
    pairs = [world.pair(task_id) for task_id in ids]
    assert {row.id for row in world.claim(*pairs)} == set(ids)
    settled = world.settle(*pairs, result="1")
    assert {each.task_id for each in settled} == set(ids)
    assert world.statuses() == {"succeeded": count}


def test_of_a_list_only_the_rows_that_may_are_claimed(world: World) -> None:
    ids = world.add_many(3)
    world.mark(*ids[:2])
    stranger = (ids[0], uuid.uuid4())
    pairs = [stranger, *(world.pair(task_id) for task_id in ids[1:])]
    assert [row.id for row in world.claim(*pairs)] == [ids[1]]


def test_a_list_settles_each_row_in_its_own_way(world: World) -> None:
    good, bad, stopped, late = [world.running() for _ in range(4)]
    world.settle(late)
    bound = claims.bind_pairs([good, bad, stopped, late])
    outcomes = [
        ("succeeded", None, '{"a":1}', None, None),
        ("failed", "exception", None, '{"type":"E"}', None),
        ("revoked", "cancelled", None, None, "soft"),
        ("failed", "exception", None, '{"type":"late"}', None),
    ]
    for index, outcome in enumerate(outcomes):
        names = ("status", "reason", "result", "error", "stopped_by")
        bound |= {f"{name}_{index}": value for name, value in zip(names, outcome, strict=True)}
    rows = world.database.execute(claims.settle_if_running(4), bound).all()
    assert {row.id: row.status for row in rows} == {
        good[0]: "succeeded",
        bad[0]: "failed",
        stopped[0]: "revoked",
    }
    assert world.row(good[0]).result == {"a": 1}
    assert world.row(bad[0]).error == {"type": "E"}
    assert world.row(stopped[0]).stopped_by == "soft"
    assert world.row(late[0]).error is None


def test_a_lost_answer_to_a_claim_is_read_again(world: World) -> None:
    pair = world.running(worker="w1", max_attempts=3)
    bound = claims.bind_pairs([pair]) | {"worker": "w1", "lease_seconds": 30.0}
    found = world.database.execute(claims.claimed_already(1), bound).one()
    assert (found.id, found.celery_id, found.attempt) == (*pair, 1)
    other = bound | {"worker": "w2"}
    assert world.database.execute(claims.claimed_already(1), other).first() is None


def test_success_completes_progress_and_ends_the_lease(world: World) -> None:
    pair = world.running()
    world.report(pair, 40)
    world.settle(pair, result=dump_json({"n": 2**70}))
    row = world.row(pair[0])
    assert (row.status, row.progress, row.result) == ("succeeded", 100.0, {"n": 2**70})
    assert row.lease_until is None
    assert row.started_at <= row.completed_at


def test_failure_keeps_the_progress_it_had(world: World) -> None:
    pair = world.running()
    world.report(pair, 40)
    world.settle(pair, status=TaskStatus.FAILED, reason="exception", error='{"type":"E"}')
    row = world.row(pair[0])
    assert (row.progress, row.reason, row.error) == (40.0, "exception", {"type": "E"})


@pytest.mark.parametrize("first", ["succeeded", "failed", "revoked"])
def test_a_finished_task_refuses_every_late_write(world: World, first: str) -> None:
    pair = world.running(max_attempts=5)
    world.settle(pair, status=TaskStatus(first))
    before = world.row(pair[0])
    assert world.settle(pair, status=TaskStatus.FAILED) == []
    assert not world.report(pair, 99)
    assert world.claim(pair) == []
    assert tuple(world.row(pair[0])) == tuple(before)


def test_progress_never_falls_within_an_attempt(world: World) -> None:
    pair = world.running()
    for reported, kept in [(30, 30), (20, 30), (None, 30), (80.5, 80.5), (0, 80.5)]:
        assert world.report(pair, reported)
        assert world.row(pair[0]).progress == kept


def test_a_report_without_a_message_keeps_the_last_one(world: World) -> None:
    pair = world.running()
    world.report(pair, 1, "half way")
    world.report(pair, 2)
    assert world.row(pair[0]).progress_message == "half way"


def test_a_report_tells_that_a_cancel_was_requested(world: World) -> None:
    pair = world.running()
    world.force(pair[0], cancel_requested_at=world.now())
    bound = {**claims.bind_pairs([pair]), "progress": 1.0, "message": None}
    row = world.database.execute(claims.report_progress(), bound).one()
    assert row.cancel_requested_at is not None


def test_a_stop_takes_the_reason_from_the_cancel(world: World) -> None:
    pair = world.running()
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="flower")
    world.settle(pair, status=TaskStatus.REVOKED, reason="cancelled", stopped_by="cooperative")
    row = world.row(pair[0])
    assert (row.status, row.reason, row.stopped_by) == ("revoked", "flower", "cooperative")


def test_log_lines_are_kept_in_order_while_the_attempt_runs(world: World) -> None:
    pair = world.running()
    world.database.execute(claims.add_log(*pair, "info", ["one", "two", "three"]))
    world.settle(pair)
    world.database.execute(claims.add_log(*pair, "info", ["too late"]))
    from app.queries import tasks

    lines = world.database.execute(tasks.logs(pair[0], 0, 10)).all()
    assert [(line.attempt, line.message) for line in lines] == [
        (1, "one"),
        (1, "two"),
        (1, "three"),
    ]


def test_a_cancel_is_acknowledged_once(world: World) -> None:
    pair = world.running()
    statement = claims.acknowledge_cancels([pair[1]], [pair[0]])
    assert len(world.database.execute(statement).all()) == 1
    first = world.row(pair[0]).cancel_acknowledged_at
    assert world.database.execute(statement).all() == []
    assert world.row(pair[0]).cancel_acknowledged_at == first


def test_a_monitor_finds_unfinished_tasks_by_the_ids_of_messages(world: World) -> None:
    running, finished = world.running(), world.running()
    world.settle(finished)
    waiting, marked = world.add_many(2)
    world.mark(marked)
    ids = [running[1], finished[1], world.pair(waiting)[1], world.pair(marked)[1]]
    found = world.database.execute(claims.cancel_by_message(ids)).column()
    assert set(found) == {running[0], marked}
