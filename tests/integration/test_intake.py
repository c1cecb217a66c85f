"""Submissions that share a commit, on both databases."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from app import dispatch, events
from app.core.config import Settings
from app.core.errors import Invalid
from app.db.session import pools
from app.models import IdempotencyKey, Task, TaskTag
from app.services import allowance, building, intake, submission
from app.services.building import NewTask
from app.services.catalogue import Catalogue
from app.services.task import task_service
from tests.support.databases import on_postgresql
from tests.support.world import NOOP, World

ECHO = "tests.support.tasks.echo"
OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def new(name: str = "n", **fields: Any) -> NewTask:
    given: dict[str, Any] = {"task_type": "t", "celery_task_name": NOOP, "user_id": OWNER}
    return NewTask(name=name, **given | fields)


async def accept(name: str = "n", key: str | None = None, **fields: Any) -> dict[str, Any]:
    task, _ = await task_service.accept(
        new(name, **fields), idempotency_key=key, fingerprint=f"{name} {fields}"
    )
    return task


@pytest.fixture(autouse=True)
async def pooled(settings: Settings) -> AsyncIterator[None]:
    """Connections as the API has them."""
    async with pools():
        yield


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were to be fed."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", lambda queue, **_: queues.append(queue))
    return queues


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[set[uuid.UUID]]:
    """What was said to have changed, one notice each."""
    notices: list[set[uuid.UUID]] = []
    monkeypatch.setattr(events, "changed", lambda ids: notices.append(set(ids)))
    return notices


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names in each batch, from the moment in which it is sent to the database."""
    seen: list[list[str]] = []
    real = intake._insert

    async def insert(batch: Any) -> Any:
        seen.append([row["name"] for row in batch.rows])
        return await real(batch)

    monkeypatch.setattr(intake, "_insert", insert)
    return seen


@contextlib.contextmanager
def blocked(settings: Settings) -> Iterator[None]:
    """Nobody can insert a task meanwhile."""
    url = settings.resolved_database_url
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE tasks IN SHARE MODE")
            yield
            other.rollback()


async def until(condition: Any) -> None:
    """Until it holds, while everybody else goes on."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it looks at has no event
            await asyncio.sleep(0.005)


def names(world: World) -> list[str]:
    return sorted(world.database.execute(select(Task.name)).column())


# -- together -------------------------------------------------------------------------------


async def test_what_waits_at_the_same_moment_shares_a_batch(
    world: World, batches: list[list[str]], woken: list[str], said: list[set[uuid.UUID]]
) -> None:
    tasks = await asyncio.gather(*(accept(f"n{n}") for n in range(40)))
    assert batches == [[f"n{n}" for n in range(40)]]
    assert woken == ["default"]
    assert said == [{task["id"] for task in tasks}]
    assert names(world) == sorted(f"n{n}" for n in range(40))


async def test_what_comes_during_a_commit_shares_the_next_one(
    world: World, settings: Settings, batches: list[list[str]]
) -> None:
    with blocked(settings):
        first = asyncio.create_task(accept("first"))
        await until(lambda: batches)
        later = [asyncio.create_task(accept(f"later {n}")) for n in range(5)]
        await asyncio.sleep(0.05)  # long enough for all of them to be queued
    await asyncio.gather(first, *later)
    assert batches == [["first"], [f"later {n}" for n in range(5)]]
    assert len(names(world)) == 6


async def test_the_answer_is_the_row(world: World) -> None:
    later: dict[str, Any] = {
        "countdown": 60.0,
        "priority": 4,
        "owner_ref": "数据 \u2028",
        "tags": ["a", "b"],
    }
    plain, full = await asyncio.gather(
        accept("plain", celery_task_name=ECHO, args=[[10**30, {"ü": None}]]),
        accept("full", **later),
    )
    for answer in (plain, full):
        row = world.row(answer["id"])
        columns = {each.key for each in Task.__table__.columns}
        assert {name: answer[name] for name in columns - {"rank", "ready_at"}} == {
            name: getattr(row, name) for name in columns - {"rank", "ready_at"}
        }
    row = world.row(full["id"])
    assert row.scheduled_at == row.ready_at > row.created_at
    assert row.rank is None
    assert world.row(plain["id"]).rank is not None
    assert sorted(world.database.execute(select(TaskTag.tag)).column()) == ["a", "b"]


async def test_a_batch_is_handed_out_in_the_order_in_which_it_came(world: World) -> None:
    tasks = await asyncio.gather(*(accept(f"n{n}") for n in range(10)))
    urgent = await accept("urgent", priority=3)
    world.set_window(64)
    world.feed()
    assert [hint.task_id for hint in world.hints()] == [task["id"] for task in tasks]
    assert [hint.task_id for hint in world.hints(3)] == [urgent["id"]]


async def test_a_full_batch_leaves_the_rest_to_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch, batches: list[list[str]]
) -> None:
    monkeypatch.setattr(intake, "MAX_ROWS", 3)
    await asyncio.gather(*(accept() for _ in range(7)))
    monkeypatch.setattr(intake, "MAX_BYTES", 250)
    await asyncio.gather(*(accept(celery_task_name=ECHO, args=["y" * 100]) for _ in range(5)))
    assert [len(batch) for batch in batches] == [3, 3, 1, 3, 2]


async def test_what_looks_at_other_tasks_goes_alone(world: World, batches: list[list[str]]) -> None:
    first = await accept("first")
    child, dependent, other = await asyncio.gather(
        accept("child", parent_id=first["id"]),
        accept("dependent", depends_on=[first["id"]]),
        accept("other"),
    )
    assert batches == [["first"], ["other"]]
    assert world.row(child["id"]).parent_id == first["id"]
    assert world.row(dependent["id"]).unmet_deps == 1
    assert other["unmet_deps"] == 0


# -- neighbours -----------------------------------------------------------------------------


async def test_what_is_refused_does_not_reach_the_batch(
    world: World, batches: list[list[str]]
) -> None:
    answers = await asyncio.gather(
        accept("good"),
        accept("bad", celery_task_name="nowhere"),
        accept("bad", queue="nowhere"),
        accept("bad", parent_id=uuid.uuid4()),
        accept("good"),
        return_exceptions=True,
    )
    assert [isinstance(each, Invalid) for each in answers] == [False, True, True, True, False]
    assert names(world) == ["good", "good"]
    assert batches == [["good", "good"]]


async def test_a_row_that_the_database_refuses_fails_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch, batches: list[list[str]], woken: list[str]
) -> None:
    real = building.draft

    def draft(new: NewTask, *rest: Any) -> dict[str, Any]:
        return real(new, *rest) | ({"priority": 9} if new.name == "bad" else {})

    monkeypatch.setattr(submission, "draft", draft)
    answers = await asyncio.gather(
        *(accept(name) for name in ("a", "bad", "b")), return_exceptions=True
    )
    assert batches == [["a", "bad", "b"]]
    assert isinstance(answers[1], IntegrityError)
    assert [answers[0]["name"], answers[2]["name"]] == ["a", "b"]  # type: ignore[index]
    assert names(world) == ["a", "b"]
    assert woken == ["default", "default"]


async def test_who_gives_up_in_the_queue_is_left_out(
    world: World, settings: Settings, batches: list[list[str]]
) -> None:
    with blocked(settings):
        first = asyncio.create_task(accept("first"))
        await until(lambda: batches)
        waiting = [asyncio.create_task(accept(name)) for name in ("gone", "stays")]
        await asyncio.sleep(0.05)  # long enough for both to be queued
        waiting[0].cancel()
    await asyncio.gather(first, waiting[1])
    assert batches == [["first"], ["stays"]]
    assert names(world) == ["first", "stays"]


async def test_who_gives_up_during_the_commit_breaks_no_batch(
    world: World,
    settings: Settings,
    batches: list[list[str]],
    said: list[set[uuid.UUID]],
    woken: list[str],
) -> None:
    """What is committed all the same is dispatched."""
    with blocked(settings):
        both = [asyncio.create_task(accept(name)) for name in ("gone", "stays")]
        await until(lambda: batches)
        both[0].cancel()
        await asyncio.wait([both[0]])
    answer = await both[1]
    assert both[0].cancelled()
    assert answer["name"] == "stays"
    assert names(world) == ["gone", "stays"]
    assert len(said[0]) == 2
    assert woken == ["default"]


# -- keys -----------------------------------------------------------------------------------


async def test_one_key_many_times_at_once_makes_one_task_for_each_owner(world: World) -> None:
    both = (OWNER, OTHER)
    tasks = await asyncio.gather(*(accept(key="k", user_id=both[n % 2]) for n in range(30)))
    ids = {owner: {task["id"] for task in tasks if task["user_id"] == owner} for owner in both}
    assert [len(each) for each in ids.values()] == [1, 1]
    assert len(names(world)) == 2


async def test_one_key_with_two_bodies_at_once_makes_one_task(world: World) -> None:
    answers = await asyncio.gather(
        *(accept(f"n{n % 2}", key="k") for n in range(10)), return_exceptions=True
    )
    kept = [each["name"] for each in answers if isinstance(each, dict)]
    refused = [each for each in answers if isinstance(each, Invalid)]
    assert names(world) == [kept[0]]
    assert (len(kept), len(refused)) == (5, 5)
    assert {each.code for each in refused} == {"idempotency_key_reused"}


async def test_a_key_that_is_taken_costs_the_batch_only_its_own_row(
    world: World, batches: list[list[str]], said: list[set[uuid.UUID]]
) -> None:
    first = await accept("keyed", key="k", tags=["t"])
    again, other, another = await asyncio.gather(
        accept("keyed", key="k", tags=["t"]), accept("other", tags=["t"]), accept("b", key="b")
    )
    assert batches[1:] == [["keyed", "other", "b"]]
    assert again["id"] == first["id"]
    assert said[1:] == [{other["id"], another["id"]}]
    assert names(world) == ["b", "keyed", "other"]
    assert len(world.database.execute(select(TaskTag.tag)).column()) == 2


async def test_after_a_day_a_key_is_free_again(world: World) -> None:
    first = await accept(key="k")
    long_ago = world.now() - timedelta(days=1, seconds=1)
    world.database.execute(update(IdempotencyKey).values(created_at=long_ago))
    second = await accept(key="k")
    assert second["id"] != first["id"]
    assert (await accept(key="k"))["id"] == second["id"]


async def test_a_key_replays_even_what_would_be_refused_by_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await accept(key="k")
    monkeypatch.setattr(submission, "catalogue", lambda: Catalogue({}, frozenset()))
    assert (await accept(key="k"))["id"] == first["id"]
    with pytest.raises(Invalid, match="not registered"):
        await accept(key="other")


@on_postgresql
async def test_a_key_that_another_process_is_taking_holds_up_nobody_else(
    world: World, settings: Settings
) -> None:
    with psycopg.connect(settings.resolved_database_url) as other:
        theirs = world.add()
        other.execute(
            "INSERT INTO idempotency_keys (owner, key, fingerprint, task_id, created_at)"
            " VALUES (%s, 'k', 'f', %s, now())",
            (str(OWNER), theirs),
        )
        keyed = asyncio.create_task(accept("keyed", key="k"))
        others = [asyncio.create_task(accept("other", key=f"k{n}")) for n in range(5)]
        async with asyncio.timeout(1.5):
            await asyncio.gather(*others)
        assert not keyed.done()
        other.rollback()
    assert (await keyed)["name"] == "keyed"
    assert names(world).count("other") == 5


# -- faults ---------------------------------------------------------------------------------


async def test_a_commit_whose_answer_was_lost_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = intake._insert

    async def insert(batch: Any) -> Any:
        await real(batch)
        raise OperationalError("", {}, Exception("the line was cut"))

    monkeypatch.setattr(intake, "_insert", insert)
    answers = await asyncio.gather(
        accept("plain"),
        accept("keyed", key="k"),
        accept("keyed", key="k"),
        accept("tag", tags=["t"]),
    )
    assert answers[1]["id"] == answers[2]["id"]
    assert names(world) == ["keyed", "plain", "tag"]
    assert (await accept("keyed", key="k"))["id"] == answers[1]["id"]


async def test_a_batch_that_is_slow_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "SLOW_SECONDS", 0.05)
    real, hanging = intake._insert, asyncio.Event()

    async def insert(batch: Any) -> Any:
        if batch.rows[0]["name"] == "slow":
            await hanging.wait()
        return await real(batch)

    monkeypatch.setattr(intake, "_insert", insert)
    # Else all would wait for the first look at what the user has waiting, and go on together.
    await allowance.require_room(OWNER)
    slow = asyncio.create_task(accept("slow"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await asyncio.gather(*(accept("quick") for _ in range(3)))
    assert not slow.done()
    hanging.set()
    assert (await slow)["name"] == "slow"
    await accept("after")
    assert len(names(world)) == 5


async def test_an_error_of_ours_in_a_batch_leaves_the_next_one_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def insert(batch: Any) -> Any:
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "_insert", insert)
        assert (await accept("first"))["name"] == "first"
    assert (await accept("second"))["name"] == "second"
    assert names(world) == ["first", "second"]
