"""Many tasks in one request, over HTTP, on both databases."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import psycopg
import pytest

from app import dispatch, events
from app.core.config import Settings
from tests.support.api import LONG, Api, create, eventually, new_task, problem_of
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.postgres import Postgres

TASKS, BULK = "/api/v1/tasks/", "/api/v1/tasks/bulk"
JSON = {"Content-Type": "application/json"}
MIB = 1 << 20


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    return await api.as_user("bob@example.org")


async def ids_of(client: httpx2.AsyncClient, *tasks: dict[str, Any]) -> list[str]:
    answer = await client.post(BULK, json={"tasks": list(tasks)})
    assert answer.status_code == 201, answer.text
    ids: list[str] = answer.json()["ids"]
    assert set(answer.json()) == {"ids"}
    return ids


async def total(client: httpx2.AsyncClient) -> int:
    count: int = (await client.get(f"{TASKS}count")).json()["total"]
    return count


async def get(client: httpx2.AsyncClient, task_id: str) -> dict[str, Any]:
    task: dict[str, Any] = (await client.get(TASKS + task_id)).json()
    return task


def locs(answer: httpx2.Response) -> list[list[Any]]:
    return [error["loc"] for error in problem_of(answer, 422)["errors"]]


# -- what comes of it -----------------------------------------------------------------------


@pytest.mark.parametrize("path", [BULK, BULK + "/"])
async def test_the_ids_come_in_the_order_of_the_tasks(
    client: httpx2.AsyncClient, path: str
) -> None:
    tasks = [new_task(name=f"n{n}", priority=1 + n % 4, tags=[f"t{n % 2}"]) for n in range(1200)]
    answer = await client.post(path, json={"tasks": tasks})
    ids = answer.json()["ids"]
    assert (answer.status_code, len(ids)) == (201, 1200)
    assert ids == sorted(ids)
    for n in (0, 1, 499, 500, 1199):
        made = await get(client, ids[n])
        assert {name: made[name] for name in tasks[n]} == tasks[n]
        assert (made["status"], made["queue"], made["version"] > 0) == ("pending", "default", True)
    assert (await client.get(f"{TASKS}count?tag=t1")).json()["total"] == 600
    assert [t["id"] for t in (await client.get(f"{TASKS}?limit=2")).json()] == ids[:-3:-1]


async def test_a_task_is_the_same_as_one_that_came_alone(client: httpx2.AsyncClient) -> None:
    body = new_task(
        kwargs={"param": "数据 \u2028"}, tags=["a", "b"], owner_ref="x", countdown=600,
        expires_at="2100-01-01T00:00:00Z", max_attempts=3, time_limit=60.5, soft_time_limit=30,
        priority=4, queue="default",
    )  # fmt: skip
    alone = await create(client, **body)
    (task_id,) = await ids_of(client, body)
    many = await get(client, task_id)
    own = {"id", "celery_id", "created_at", "updated_at", "scheduled_at"}
    assert {k: v for k, v in many.items() if k not in own} == {
        k: v for k, v in alone.items() if k not in own
    }
    assert many["scheduled_at"] > many["created_at"]


async def test_they_are_told_and_handed_out_once(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    said: list[list[uuid.UUID]] = []
    monkeypatch.setattr(dispatch, "wake", woken.append)
    monkeypatch.setattr(events, "changed", lambda ids: said.append(list(ids)))
    ids = await ids_of(client, *(new_task() for _ in range(700)))
    assert woken == ["default"]
    assert [[str(each) for each in notice] for notice in said] == [ids]


async def test_ten_thousand_are_accepted_and_no_more(client: httpx2.AsyncClient) -> None:
    tasks = [new_task(name=f"n{n}") for n in range(10_001)]
    assert locs(await client.post(BULK, json={"tasks": tasks})) == [["body", "tasks"]]
    assert await total(client) == 0
    answer = await client.post(BULK, json={"tasks": tasks[1:]}, timeout=60)
    assert (answer.status_code, len(set(answer.json()["ids"]))) == (201, 10_000)
    assert await total(client) == 10_000


# -- names ----------------------------------------------------------------------------------


async def test_a_workflow_is_one_request(client: httpx2.AsyncClient) -> None:
    before = await create(client, name="before")
    join, left, right, part = await ids_of(
        client,
        new_task(name="join", depends_on=["left", before["id"], "right"]),
        new_task(name="left", local_id="left"),
        new_task(name="right", local_id="right", depends_on=["left"], parent_id=before["id"]),
        new_task(name="part", parent_id="right"),
    )
    assert (await get(client, join))["depends_on"] == [left, before["id"], right]
    assert (await get(client, right))["parent_id"] == before["id"]
    assert (await get(client, part))["parent_id"] == right
    assert "local_id" not in await get(client, left)


async def test_names_hold_for_their_own_request_only(client: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await ids_of(client, new_task(local_id="a"), new_task(depends_on=["a"]))
    answer = await client.post(BULK, json={"tasks": [new_task(depends_on=["a"])]})
    assert locs(answer) == [["body", "tasks", 0, "depends_on", 0]]


async def test_what_somebody_else_has_does_not_exist(api: Api, client: httpx2.AsyncClient) -> None:
    ada = await api.as_user("ada@example.org")
    hers, own = await create(ada), await create(client)
    unknown = "01a20e72-6ec7-74d0-bc60-000000000000"
    answers = []
    for other in (hers["id"], unknown):
        tasks = [new_task(), new_task(depends_on=[own["id"], other]), new_task(parent_id=other)]
        answer = await client.post(BULK, json={"tasks": tasks})
        assert locs(answer) == [["body", "tasks", 2, "parent_id"]]
        answer = await client.post(BULK, json={"tasks": tasks[:2]})
        assert locs(answer) == [["body", "tasks", 1, "depends_on", 1]]
        answers.append(answer.json()["errors"][0]["msg"].replace(other, "X"))
    assert answers[0] == answers[1]
    assert await total(client) == 1
    admin = await api.as_user()
    await ids_of(admin, new_task(depends_on=[hers["id"], own["id"]], parent_id=hers["id"]))


# -- refused --------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], list[Any]]] = [
    ({"celery_task_name": "app.nowhere"}, ["celery_task_name"]),
    ({"args": []}, ["args"]),
    ({"args": ["sixty"]}, ["args", 0]),
    ({"kwargs": {"task_id": "x"}}, ["kwargs", "task_id"]),
    ({"queue": "nowhere"}, ["queue"]),
    ({"priority": True}, ["priority"]),
    ({"priority": "2"}, ["priority"]),
    ({"name": " "}, ["name"]),
    ({"name": ...}, ["name"]),
    ({"colour": "red"}, ["colour"]),
    ({"scheduled_at": "2030-01-01T00:00:00"}, ["scheduled_at"]),
    ({"scheduled_at": "2030-01-01T00:00:00Z", "countdown": 1}, []),
    ({"expires_at": "2029-01-01T00:00:00Z", "scheduled_at": "2030-01-01T00:00:00Z"}, ["expires_at"]),
    ({"tags": [str(n) for n in range(33)]}, ["tags"]),
    ({"tags": ["a", "a"]}, ["tags"]),
    ({"local_id": ""}, ["local_id"]),
    ({"local_id": "x" * 101}, ["local_id"]),
    ({"local_id": 5}, ["local_id"]),
    ({"local_id": "01a20e72-6ec7-74d0-bc60-000000000000"}, ["local_id"]),
    ({"local_id": "first"}, ["local_id"]),
    ({"depends_on": ["unknown"]}, ["depends_on", 0]),
    ({"depends_on": [5]}, ["depends_on", 0]),
    ({"depends_on": ["first", "first"]}, ["depends_on"]),
    ({"depends_on": ["self"], "local_id": "self"}, ["depends_on"]),
    ({"parent_id": "unknown"}, ["parent_id"]),
    ({"parent_id": 5}, ["parent_id"]),
    ({"parent_id": "self", "local_id": "self"}, ["parent_id"]),
]  # fmt: skip


async def test_one_that_does_not_fit_refuses_all(client: httpx2.AsyncClient) -> None:
    many = [new_task(local_id="first"), *(new_task() for _ in range(600))]
    for changes, place in BAD:
        answer = await client.post(BULK, json={"tasks": [*many, new_task(**changes)]})
        assert answer.status_code == 422, f"{changes}: {answer.status_code} {answer.text[:300]}"
        assert locs(answer) == [["body", "tasks", 601, *place]], changes
    assert await total(client) == 0


@on_sqlite
async def test_bodies_that_are_none_are_refused(client: httpx2.AsyncClient) -> None:
    item = json.dumps(new_task())[1:-1]
    for text in (
        "", "null", "[]", "{}", '{"tasks": []}', '{"tasks": [null]}', '{"tasks": {}}',
        f'{{"tasks": [{{{item}}}], "more": 1}}',
        f'{{"tasks": [{{{item}, "name": "twice"}}]}}',
        f'{{"tasks": [{{{item}, "time_limit": NaN}}]}}',
        f'{{"tasks": [{{{item}, "owner_ref": "\\u0000"}}]}}',
        f'{{"tasks": [{{{item}, "owner_ref": "\\ud83d"}}]}}',
        f'{{"tasks": [{{{item}, "kwargs": {{"param": {"[" * 40}{"]" * 40}}}}}]}}',
    ):  # fmt: skip
        answer = await client.post(BULK, content=text.encode(), headers=JSON)
        assert answer.status_code == 422, f"{text[:80]}: {answer.status_code}"
        problem_of(answer, 422)
    problem_of(await client.post(f"{BULK}?dry=1", json={"tasks": [new_task()]}), 422)
    problem_of(await client.post(BULK, content=b"{}"), 415)
    assert await total(client) == 0


@on_sqlite
async def test_at_most_a_hundred_mistakes_are_told(client: httpx2.AsyncClient) -> None:
    bad: dict[str, Any]
    for bad in ({"priority": 9}, {"args": []}):
        answer = await client.post(BULK, json={"tasks": [new_task(**bad) for _ in range(300)]})
        assert len(locs(answer)) == 100


@on_sqlite
async def test_too_many_dependencies_in_all_are_refused(client: httpx2.AsyncClient) -> None:
    named = [new_task(local_id=str(n)) for n in range(1000)]
    needs = [str(n) for n in range(1000)]
    tasks = [*named, *(new_task(depends_on=needs) for _ in range(101))]
    answer = await client.post(BULK, json={"tasks": tasks}, timeout=60)
    assert locs(answer) == [["body", "tasks"]]


@on_sqlite
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_32_mebibytes_is_413(client: httpx2.AsyncClient, chunked: bool) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 65_536):
            yield b" " * 65_536

    size = 33 * MIB
    answer = await client.post(
        BULK, content=pieces(size) if chunked else b" " * size, headers=JSON, timeout=60
    )
    assert problem_of(answer, 413)["code"] == "too_large"
    assert "32 MiB" in answer.json()["detail"]


async def test_a_body_of_many_mebibytes_is_accepted(client: httpx2.AsyncClient) -> None:
    tasks = [new_task(kwargs={"param": "x" * 900_000}) for _ in range(12)]
    ids = await asyncio.wait_for(ids_of(client, *tasks), 60)
    assert len((await get(client, ids[11]))["kwargs"]["param"]) == 900_000


@on_sqlite
async def test_it_needs_the_same_rights_as_a_single_one(api: Api) -> None:
    body = {"tasks": [new_task()]}
    problem_of(await api.stranger.post(BULK, json=body), 401)
    reader = await api.as_user(scopes=["tasks:read"])
    problem_of(await reader.post(BULK, json=body), 403)


# -- keys -----------------------------------------------------------------------------------


async def test_a_key_holds_for_the_whole_request(client: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "import-17"}
    body = {"tasks": [new_task(local_id="a"), new_task(depends_on=["a"]), new_task()]}
    first = await client.post(BULK, json=body, headers=key)
    assert (await client.delete(TASKS + first.json()["ids"][2])).status_code == 200
    again = await client.post(BULK, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await client.post(BULK, json={"tasks": body["tasks"][:1]}, headers=key)
    assert problem_of(other, 422)["code"] == "idempotency_key_reused"
    single = await client.post(TASKS, json=new_task(), headers=key)
    assert problem_of(single, 422)["code"] == "idempotency_key_reused"
    assert await total(client) == 2


async def test_the_key_of_a_single_task_is_no_key_of_many(client: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    await client.post(TASKS, json=new_task(), headers=key)
    answer = await client.post(BULK, json={"tasks": [new_task()]}, headers=key)
    assert problem_of(answer, 422)["code"] == "idempotency_key_reused"
    assert await total(client) == 1


async def test_one_key_sent_many_times_at_once_makes_them_once(client: httpx2.AsyncClient) -> None:
    body, key = {"tasks": [new_task() for _ in range(50)]}, {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(client.post(BULK, json=body, headers=key) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({tuple(answer.json()["ids"]) for answer in answers}) == 1
    assert await total(client) == 50


async def test_a_refused_request_keeps_no_key(client: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    bad = {"tasks": [new_task(), new_task(args=[])]}
    problem_of(await client.post(BULK, json=bad, headers=key), 422)
    good = await client.post(BULK, json={"tasks": [new_task()]}, headers=key)
    assert good.status_code == 201


# -- faults ---------------------------------------------------------------------------------


@on_postgresql
@pytest.mark.parametrize("path", [TASKS, BULK])
async def test_a_database_that_goes_during_the_insert_stores_nothing(
    api: Api, settings: Settings, postgres: Postgres, path: str
) -> None:
    client = await api.as_user()
    await create(client)
    body = new_task() if path == TASKS else {"tasks": [new_task() for _ in range(600)]}
    other = psycopg.connect(settings.resolved_database_url)
    other.execute("LOCK TABLE tasks IN SHARE MODE")
    asked = [asyncio.create_task(client.post(path, json=body)) for _ in range(10)]
    await eventually(lambda: _waits(settings), within=2, what="an INSERT waits for the lock")
    postgres.stop(signal.SIGQUIT)
    try:
        for answer in await asyncio.gather(*asked):
            assert problem_of(answer, 503)["code"] == "unavailable"
    finally:
        other.close()
        postgres.start()
    assert await total(client) == 1
    assert (await client.post(path, json=body)).status_code == 201


async def _waits(settings: Settings) -> bool:
    async with await psycopg.AsyncConnection.connect(settings.resolved_database_url) as looking:
        found = await looking.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE '%INSERT INTO tasks%' AND pid <> pg_backend_pid()"
        )
        row = await found.fetchone()
        return bool(row and row[0])


async def test_it_is_told_who_registers_the_function(client: httpx2.AsyncClient) -> None:
    answer = await client.post(BULK, json={"tasks": [new_task(celery_task_name=f"{LONG}s")]})
    assert LONG in problem_of(answer, 422)["errors"][0]["msg"]
