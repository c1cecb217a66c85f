"""Why a task is not running: every reason, in the order in which they have to go."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings, get_settings
from app.db.base import dump_json
from app.domain.lifecycle import Reason as Why
from app.domain.lifecycle import TaskStatus
from app.maintenance import dependents
from app.queries import claims, feed, limits, queues, tasks
from app.services import attempts
from app.services.catalogue import catalogue
from app.services.explain import Reason, explain, facts
from tests.support.environment import use_settings
from tests.support.invariants import ago, live_worker
from tests.support.world import NOOP, QUEUE, World

pytestmark = pytest.mark.usefixtures("no_feeder")

ERROR = {"type": "ValueError", "message": "as planned", "traceback": None, "attempt": 1}
OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


async def reasons(db: AsyncSession, task_id: uuid.UUID) -> dict[str, Reason]:
    """The reasons by code, in their order."""
    found = await explain(db, task_id)
    assert found is not None
    await db.commit()  # on SQLite the session would hold up the test's other writers
    for reason in found.reasons:
        assert not reason.sentence.endswith(".")
        assert len(reason.cure) > 20
    return {reason.code.value: reason for reason in found.reasons}


def pause(world: World, queue: str = QUEUE) -> None:
    world.database.execute(feed.ensure_queue(queue))
    world.database.execute(queues.pause(queue, "op@example.org"))


# -- one by one ---------------------------------------------------------------------------------


async def test_a_ready_task_with_a_free_slot_is_ready(world: World, db: AsyncSession) -> None:
    live_worker(world)
    assert [*await reasons(db, world.add())] == ["ready"]


async def test_a_task_that_does_not_exist_or_is_somebody_elses_is_none(
    world: World, db: AsyncSession
) -> None:
    task_id = world.add(user_id=OWNER)
    assert await explain(db, uuid.uuid4()) is None
    assert await explain(db, task_id, owner=OTHER) is None
    assert await explain(db, task_id, owner=OWNER) is not None


async def test_a_limit_tells_how_full_it_is(world: World, db: AsyncSession) -> None:
    live_worker(world)
    one = limits.put("task", NOOP, concurrency=1, rate_count=None, rate_seconds=None, by="op")
    world.database.execute(one)
    running = world.running()
    task_id = world.add()
    found = await reasons(db, task_id)
    assert [*found] == ["limit_reached"]
    (full,) = found["limit_reached"].data["limits"]
    assert (full["kind"], full["name"], full["used"], full["allowed"]) == ("task", NOOP, 1, 1)
    assert "lets 1 run at a time, and 1 do" in found["limit_reached"].sentence
    pause(world)
    assert [*await reasons(db, task_id)] == ["queue_paused", "limit_reached"]
    world.database.execute(queues.resume(QUEUE))
    world.settle(running)
    assert [*await reasons(db, task_id)] == ["ready"]


async def test_a_rate_tells_when_the_next_one_may_go(world: World, db: AsyncSession) -> None:
    live_worker(world)
    rate = limits.put("queue", QUEUE, concurrency=None, rate_count=1, rate_seconds=3600, by="op")
    world.database.execute(rate)
    world.add()
    world.feed()
    (full,) = (await reasons(db, world.add()))["limit_reached"].data["limits"]
    assert (full["used"], full["allowed"], full["rate"]) == (1, 1, "1/h")
    assert 0 < full["free_in_seconds"] <= 3800


async def test_needed_tasks_are_named_at_most_ten(world: World, db: AsyncSession) -> None:
    live_worker(world)
    needed = world.add_many(12)
    found = (await reasons(db, world.add_needing(*needed)))["waits_for_tasks"]
    assert found.data["total"] == 12
    assert [each["id"] for each in found.data["tasks"]] == sorted(needed)[:10]
    assert {(each["name"], each["status"]) for each in found.data["tasks"]} == {("n", "pending")}
    assert "and 2 more" in found.sentence
    assert str(sorted(needed)[0]) in found.cure


async def test_only_what_still_has_to_finish_is_named(world: World, db: AsyncSession) -> None:
    live_worker(world)
    first, second = world.running(), world.running()
    task_id = world.add_needing(first[0], second[0])
    world.settle(first)
    dependents.run_once(world.database, 100)
    found = (await reasons(db, task_id))["waits_for_tasks"]
    assert found.data == {
        "total": 1, "tasks": [{"id": second[0], "name": "n", "status": "running"}],
    }  # fmt: skip
    world.settle(second)
    dependents.run_once(world.database, 100)
    assert [*await reasons(db, task_id)] == ["ready"]


async def test_needed_tasks_of_somebody_else_are_counted_and_not_named(
    world: World, db: AsyncSession
) -> None:
    live_worker(world)
    foreign = world.add(user_id=OTHER)
    task_id = world.add_needing(foreign, user_id=OWNER, sees_all=True)
    found = await explain(db, task_id, owner=OWNER)
    assert found is not None
    assert found.reasons[0].data == {"total": 1, "tasks": []}
    assert found.reasons[0].sentence == "It waits for 1 task, which you may not see"
    assert str(foreign) not in str(found)


async def test_a_retry_tells_after_which_attempt_and_error(world: World, db: AsyncSession) -> None:
    live_worker(world)
    pair = world.running(max_attempts=3)
    attempts.give_back(world.database, pair, wait_seconds=60, reason=Why.RETRY, error=ERROR)
    (found,) = (await reasons(db, pair[0])).values()
    row = world.row(pair[0])
    assert found.data == {
        "until": row.ready_at, "attempt": 1, "reason": "retry", "error_type": "ValueError",
        "error_message": "as planned",
    }  # fmt: skip
    assert "ValueError: as planned" in found.sentence


async def test_a_slot_is_busy_until_its_task_ends(world: World, db: AsyncSession) -> None:
    live_worker(world, slots=1)
    pair = world.running()
    task_id = world.add()
    world.mark(task_id)
    found = await reasons(db, task_id)
    assert [*found] == ["slots_busy", "handed_out"]
    assert found["slots_busy"].data == {"slots": 1, "busy": 1}
    assert found["handed_out"].data == {"dispatched_at": world.row(task_id).dispatched_at}
    world.settle(pair)
    assert [*await reasons(db, task_id)] == ["handed_out"]


async def test_a_stopping_worker_serves_nothing(world: World, db: AsyncSession) -> None:
    live_worker(world, "w1", stopping=True)
    live_worker(world, "w2", queues=["lane", "other"])
    found = await reasons(db, world.add())
    assert found["queue_not_served"].data == {"queue": QUEUE, "served": ["lane", "other"]}


async def test_workers_that_lack_the_function_are_named(world: World, db: AsyncSession) -> None:
    live_worker(world, "old", catalogue=["other.function"], catalogue_hash="h", version="0.9")
    task_id = world.add()
    found = (await reasons(db, task_id))["function_unknown"]
    assert found.data == {
        "celery_task_name": NOOP,
        "catalogue_hash": catalogue().hash,
        "workers": [{"name": "old", "version": "0.9", "catalogue_hash": "h"}],
    }
    live_worker(world, "new")
    assert [*await reasons(db, task_id)] == ["ready"]


# -- in the queue -------------------------------------------------------------------------------


async def ahead(db: AsyncSession, task_id: uuid.UUID) -> dict[str, Any]:
    return (await reasons(db, task_id))["tasks_ahead"].data


async def test_those_ahead_are_counted_as_they_will_go_out(world: World, db: AsyncSession) -> None:
    live_worker(world, slots=4)
    world.add(queue="lane")
    low = world.add(priority=1)
    earlier = world.add_many(3)
    task_id = world.add()
    later, high = world.add(), world.add(priority=3)
    assert (await ahead(db, task_id))["ahead"] == 4  # the high one as well
    world.mark(low)  # at normal priority, so it has gone before
    assert (await ahead(db, task_id))["ahead"] == 5
    world.mark(*earlier, task_id, later)
    assert (await ahead(db, task_id))["ahead"] == 3  # it is in the broker, the high one is not
    assert "tasks_ahead" not in await reasons(db, high)


async def test_how_long_those_ahead_take_is_told_where_it_is_known(
    world: World, db: AsyncSession
) -> None:
    live_worker(world, slots=4)
    world.add_many(6)
    task_id = world.add()
    assert (await ahead(db, task_id))["estimate_seconds"] is None
    world.database.execute(feed.fold_runtime(NOOP, 10, 2.0, 3.0))
    found = (await reasons(db, task_id))["tasks_ahead"]
    assert found.data == {"queue": QUEUE, "ahead": 6, "more": False, "estimate_seconds": 3.0}
    assert "3 s at least" in found.sentence
    world.add("tests.support.tasks.add", args=[1, 2], priority=4)
    assert (await ahead(db, task_id))["estimate_seconds"] is None


async def test_they_are_counted_up_to_a_bound(
    world: World, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_AHEAD", 3)
    world.database.execute(feed.fold_runtime(NOOP, 10, 2.0, 3.0))
    world.add_many(3)
    task_id, after = world.add(), world.add()
    assert (await ahead(db, task_id))["more"] is False
    found = (await reasons(db, after))["tasks_ahead"]
    assert found.data == {"queue": QUEUE, "ahead": 3, "more": True, "estimate_seconds": None}
    assert found.sentence.startswith("3 or more tasks are ahead")


# -- several at once ----------------------------------------------------------------------------


async def test_all_that_hold_are_named_and_go_one_after_the_other(
    world: World, db: AsyncSession, clean_settings: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Each step takes away what is named first; nothing else changes."""
    broker_url = settings.celery_broker_url
    _point_at(clean_settings, settings, "redis://127.0.0.1:1/0")
    first, (running, _) = world.add(), world.running()
    needed = world.running()
    later = world.now() + timedelta(hours=1)
    task_id = world.add_needing(needed[0], scheduled_at=later)
    pause(world)

    def finish() -> None:
        world.settle(needed)
        dependents.run_once(world.database, 100)

    def time_comes() -> None:
        world.force(task_id, ready_at=world.now())
        rank = feed.rank_ready(None, get_settings().ageing_seconds, 10)
        world.database.execute(rank)

    def start_worker() -> None:
        live_worker(world, slots=1, catalogue=["other.function"])

    def give_code() -> None:
        live_worker(world, slots=1)

    def end_running() -> None:
        world.settle(world.pair(running))

    def end_first() -> None:
        world.database.execute(tasks.cancel_if_pending([first], None))

    steps: list[tuple[str, Callable[[], object]]] = [
        ("waits_for_tasks", finish),
        ("scheduled", time_comes),
        ("queue_paused", lambda: world.database.execute(queues.resume(QUEUE))),
        ("broker_unreachable", lambda: _point_at(clean_settings, settings, broker_url)),
        ("queue_not_served", start_worker),
        ("function_unknown", give_code),
        ("slots_busy", end_running),
        ("tasks_ahead", end_first),
        ("handed_out", lambda: world.claim(world.pair(task_id))),
        ("running", lambda: world.settle(world.pair(task_id))),
    ]
    for code, remove in steps:
        if code == "handed_out":
            assert [*await reasons(db, task_id)] == ["ready"]
            world.mark(task_id)
        assert next(iter(await reasons(db, task_id))) == code
        remove()
    assert [*await reasons(db, task_id)] == ["finished"]


def _point_at(patch: pytest.MonkeyPatch, settings: Settings, broker_url: str) -> None:
    kept = ("database_url", "broker_key_prefix", "data_dir", "log_dir")
    use_settings(
        patch, celery_broker_url=broker_url, **{name: getattr(settings, name) for name in kept}
    )


async def test_what_stands_together_is_named_together(world: World, db: AsyncSession) -> None:
    task_id = world.add_needing(
        world.add(), scheduled_at=world.now() + timedelta(hours=1), queue="lane",
        expires_at=world.now() + timedelta(hours=2),
    )  # fmt: skip
    pause(world, "lane")
    live_worker(world)
    found = await reasons(db, task_id)
    assert [*found] == ["waits_for_tasks", "scheduled", "queue_paused", "queue_not_served"]
    assert found["queue_paused"].data["paused_by"] == "op@example.org"
    assert "/api/v1/queues/lane/resume" in found["queue_paused"].cure
    world.force(task_id, expires_at=ago(world, 1))
    assert [*await reasons(db, task_id)] == ["expired", *found]


# -- started and ended --------------------------------------------------------------------------


async def test_a_running_one_tells_where(world: World, db: AsyncSession) -> None:
    task_id, _ = world.running(worker="w7")
    (found,) = (await reasons(db, task_id)).values()
    started_at = world.row(task_id).started_at
    assert found.data == {"worker": "w7", "started_at": started_at, "attempt": 1}


async def test_a_cancel_tells_how_far_it_is(world: World, db: AsyncSession) -> None:
    task_id, celery_id = world.running()
    world.database.execute(
        tasks.request_cancel_if_running([task_id], None, Why.CANCELLED, grace_seconds=10)
    )
    requested_at = world.row(task_id).cancel_requested_at

    async def stage() -> str:
        found = await reasons(db, task_id)
        assert [*found] == ["cancel_requested", "running"]
        assert found["cancel_requested"].data["requested_at"] == requested_at
        return str(found["cancel_requested"].data["stage"])

    assert await stage() == "told"
    world.database.execute(claims.acknowledge_cancels([celery_id], [task_id]))
    assert await stage() == "acknowledged"
    requested_at = ago(world, get_settings().cancel_grace_seconds + 1)
    world.force(task_id, cancel_requested_at=requested_at)
    assert await stage() == "overdue"


async def test_a_lease_that_is_over_comes_first(world: World, db: AsyncSession) -> None:
    task_id, _ = world.running()
    world.end_lease(task_id)
    assert [*await reasons(db, task_id)] == ["worker_silent", "running"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (TaskStatus.SUCCEEDED, "It succeeded at "),
        (TaskStatus.FAILED, "with reason exception: ValueError: as planned"),
        (TaskStatus.REVOKED, "It was revoked at "),
    ],
)
async def test_a_finished_one_tells_how_it_ended(
    world: World, db: AsyncSession, status: TaskStatus, words: str
) -> None:
    task_id, _ = pair = world.running()
    outcome: dict[str, Any] = {}
    if status is TaskStatus.FAILED:
        outcome = {"reason": Why.EXCEPTION, "error": dump_json(ERROR)}
    world.settle(pair, status=status, **outcome)
    (found,) = (await reasons(db, task_id)).values()
    assert words in found.sentence
    row = world.row(task_id)
    ended = (found.data["reason"], found.data["completed_at"])
    assert ended == (row.reason, row.completed_at)
    assert f"taskctl retry {task_id}" in found.cure
