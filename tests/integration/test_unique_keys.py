"""Unique keys: of an owner's unfinished tasks at most one has a key, on both databases."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.core.errors import Conflict, Invalid
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.queries import uniqueness as queries
from app.services import submission
from app.services.building import NewTask
from app.services.retrying import retry_each
from app.services.submission import Origin
from app.services.task import task_service
from app.worker import helpers
from tests.integration.test_checkpoints import claim_of
from tests.support.api import Api, new_task, problem_of
from tests.support.world import NOOP, Pair, World

TASKS, BULK = "/api/v1/tasks/", "/api/v1/tasks/bulk"
OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
LATER = "2100-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def quiet(no_feeder: None) -> None:
    """Rows stay where the tests put them."""


def fields(**changes: Any) -> dict[str, Any]:
    return {"name": "n", "task_type": "t", "celery_task_name": NOOP, "unique_key": "k", **changes}


async def create(db: AsyncSession, **changes: Any) -> uuid.UUID:
    task, _ = await task_service.create_task(db, **fields(**changes))
    return task.id


def running(world: World) -> Pair:
    """An attempt of a task that has the key."""
    pair = world.running()
    world.force(pair[0], unique_key="system:k")
    return pair


# -- the modes --------------------------------------------------------------------------------


async def test_a_second_one_is_refused_and_told_of_the_first(
    world: World, db: AsyncSession
) -> None:
    first = await create(db)
    with pytest.raises(Conflict, match=f"{first} has this unique_key and is pending") as refused:
        await create(db)
    assert refused.value.code == "unique_key_taken"
    assert world.statuses() == {"pending": 1}


async def test_the_existing_one_is_the_answer(world: World, db: AsyncSession) -> None:
    pair = running(world)
    assert await create(db, unique_mode="existing") == pair[0]
    new = NewTask(**fields(unique_mode="existing"))
    assert (await task_service.submit(db, new))[1] is Origin.EXISTING
    assert world.statuses() == {"running": 1}


async def test_one_that_waits_is_replaced(world: World, db: AsyncSession) -> None:
    first = await create(db)
    needs_it = world.add()
    second = await create(db, unique_mode="replace", args=[])
    assert first != second
    old, new = world.row(first), world.row(second)
    assert (old.status, old.reason, new.status) == ("revoked", "replaced", "pending")
    assert world.row(needs_it).status == "pending"


async def test_one_that_runs_is_not_replaced(world: World, db: AsyncSession) -> None:
    pair = running(world)
    with pytest.raises(Conflict, match=f"{pair[0]} has this unique_key and is running"):
        await create(db, unique_mode="replace")
    assert world.statuses() == {"running": 1}


@pytest.mark.parametrize("status", [TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.REVOKED])
async def test_a_finished_one_gives_the_key_back(
    world: World, db: AsyncSession, status: TaskStatus
) -> None:
    world.settle(running(world), status=status)
    for mode in ("reject", "existing", "replace"):
        task_id = await create(db, unique_mode=mode)
        assert await task_service.cancel_task(db, task_id)


async def test_a_key_is_its_owners(world: World, db: AsyncSession) -> None:
    for owner in (None, OWNER, OTHER):
        await create(db, user_id=owner)
    await create(db, user_id=OWNER, unique_key="K")
    with pytest.raises(Conflict):
        await create(db, user_id=OWNER)
    assert world.statuses() == {"pending": 4}


@pytest.mark.parametrize(
    "wrong", [{"unique_key": " "}, {"unique_key": "x" * 201}, {"unique_mode": "perhaps"}]
)
async def test_what_is_no_key_is_refused(db: AsyncSession, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await create(db, **wrong)


async def test_in_the_callers_own_transaction(world: World, db: AsyncSession) -> None:
    first = await create(db, commit=False)
    assert await create(db, commit=False, unique_mode="existing") == first
    second = await create(db, commit=False, unique_mode="replace")
    await db.commit()
    assert (world.row(first).reason, world.row(second).status) == ("replaced", "pending")


async def test_a_retry_by_hand_has_the_key_of_its_task(world: World, db: AsyncSession) -> None:
    world.settle(pair := running(world), status=TaskStatus.FAILED)
    again = await task_service.retry_task(db, pair[0])
    with pytest.raises(Conflict, match=str(again.id)):
        await task_service.retry_task(db, pair[0])


@pytest.mark.parametrize("place", [0, 1])
async def test_many_run_again_at_once_have_the_keys_of_their_tasks(
    world: World, db: AsyncSession, place: int
) -> None:
    old = [world.running()[0] for _ in range(2)]
    world.force(old[place], unique_key="system:k")
    world.settle(*(world.pair(each) for each in old), status=TaskStatus.FAILED)
    new = await retry_each(db, old, owner=None)
    await db.commit()
    keys = [world.row(new_id).unique_key for each in old if (new_id := new[each].new_id)]
    assert keys == [["system:k", None], [None, "system:k"]][place]


def test_a_subtask_takes_none(world: World) -> None:
    with (
        claim_of(world.running()).body(),
        pytest.raises(ValueError, match="a subtask takes no unique_key"),
    ):
        helpers.spawn(NOOP, unique_key="k")  # type: ignore[call-arg] # the point of the test


# -- at the same moment -----------------------------------------------------------------------


async def outcome(mode: str) -> Any:
    """What one of many gets: its task, or the code of the refusal."""
    async with async_session() as db:
        try:
            return await create(db, unique_mode=mode)
        except Conflict as refused:
            return refused.code


async def test_of_many_at_once_one_is_made(world: World, settings: Settings) -> None:
    got = Counter(await asyncio.gather(*(outcome("reject") for _ in range(8))))
    assert got.pop("unique_key_taken") == 7
    assert (list(got.values()), world.statuses()) == ([1], {"pending": 1})


async def test_of_many_at_once_all_get_the_existing_one(world: World, settings: Settings) -> None:
    got = await asyncio.gather(*(outcome("existing") for _ in range(8)))
    assert (len(set(got)), world.statuses()) == (1, {"pending": 1})


async def test_of_many_that_replace_each_other_one_is_left(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "LOOKS", 20)
    got = await asyncio.gather(*(outcome("replace") for _ in range(8)))
    assert len(set(got)) == 8
    assert world.statuses() == {"pending": 1, "revoked": 7}
    (holder,) = world.database.execute(queries.holders(["system:k"])).all()
    assert holder.id in got


# -- over HTTP --------------------------------------------------------------------------------


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    return await api.as_user("bob@example.org")


async def test_over_http(client: httpx2.AsyncClient) -> None:
    body = new_task(unique_key="figures", scheduled_at=LATER)
    first = await client.post(TASKS, json=body)
    assert first.status_code == 201
    assert "unique_key" not in first.json()
    refused = problem_of(await client.post(TASKS, json=body), 409)
    assert refused["code"] == "unique_key_taken"
    assert first.json()["id"] in refused["detail"]
    existing = await client.post(TASKS, json={**body, "unique_mode": "existing"})
    assert (existing.status_code, existing.json()["id"]) == (200, first.json()["id"])
    assert "idempotent-replayed" not in existing.headers
    replacing = await client.post(TASKS, json={**body, "unique_mode": "replace"})
    assert replacing.status_code == 201
    old = (await client.get(TASKS + first.json()["id"])).json()
    assert (old["status"], old["reason"]) == ("revoked", "replaced")
    for wrong in ({"unique_key": ""}, {"unique_key": 1}, {"unique_mode": "x"}):
        problem_of(await client.post(TASKS, json={**body, **wrong}), 422)


@pytest.mark.parametrize("mode", ["reject", "existing", "replace"])
async def test_a_request_sent_again_is_answered_as_before(
    client: httpx2.AsyncClient, mode: str
) -> None:
    body = new_task(unique_key="figures", unique_mode=mode, scheduled_at=LATER)
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(client.post(TASKS, json=body, headers=headers) for _ in "abc"))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert answers[0].json()["status"] == "pending"


async def test_many_in_one_request(client: httpx2.AsyncClient) -> None:
    def task(n: int, **changes: Any) -> dict[str, Any]:
        return new_task(name=f"n{n}", unique_key=f"k{n}", scheduled_at=LATER, **changes)

    made = await client.post(BULK, json={"tasks": [task(n) for n in range(3)]})
    ids = made.json()["ids"]
    assert made.status_code == 201
    refused = await client.post(BULK, json={"tasks": [task(7), task(1)]})
    assert ids[1] in problem_of(refused, 409)["detail"]
    tasks = [
        task(0, unique_mode="existing", local_id="zero"),
        task(1, unique_mode="replace"),
        task(9),
        new_task(depends_on=["zero"], parent_id="zero"),
    ]
    mixed = (await client.post(BULK, json={"tasks": tasks})).json()["ids"]
    assert mixed[0] == ids[0]
    assert mixed[1] not in ids
    assert (await client.get(TASKS + ids[1])).json()["reason"] == "replaced"
    dependent = (await client.get(TASKS + mixed[3])).json()
    assert (dependent["depends_on"], dependent["parent_id"]) == ([ids[0]], ids[0])
    assert (await client.get(f"{TASKS}count")).json() == {
        "total": 6, "pending": 5, "running": 0, "succeeded": 0, "failed": 0, "revoked": 1,
    }  # fmt: skip
    await client.post(f"{TASKS}{ids[0]}/cancel")
    alone = await client.post(BULK, json={"tasks": [task(2, unique_mode="existing")]})
    assert alone.json()["ids"] == [ids[2]]


async def test_a_key_stands_once_in_a_request(client: httpx2.AsyncClient) -> None:
    body = {"tasks": [new_task(unique_key="k"), new_task(), new_task(unique_key="k")]}
    (error,) = problem_of(await client.post(BULK, json=body), 422)["errors"]
    assert error["loc"] == ["body", "tasks", 2, "unique_key"]
    assert (await client.get(f"{TASKS}count")).json()["total"] == 0


async def test_many_requests_for_many_at_once_make_each_once(client: httpx2.AsyncClient) -> None:
    keyed = [new_task(unique_key=f"k{n}", scheduled_at=LATER) for n in range(20)]
    bodies = [{"tasks": keyed}, {"tasks": keyed[::-1]}] * 2
    answers = await asyncio.gather(*(client.post(BULK, json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await client.get(f"{TASKS}count")).json()["total"] == 20
