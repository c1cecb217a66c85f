"""Requests about many tasks that are sent again under their Idempotency-Key, on both databases."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx2
import pytest

from app.services import bulk_operations
from tests.integration.test_api_bulk_operations import BULK, OPERATIONS, TASKS, bob, client, many
from tests.support.api import Api, new_task, problem_of
from tests.support.world import World

__all__ = ["bob", "client"]
pytestmark = pytest.mark.usefixtures("no_feeder")
KEY = {"Idempotency-Key": "again-17"}
LATER = "2100-01-01T00:00:00Z"


async def order(client: httpx2.AsyncClient, action: str, **body: Any) -> httpx2.Response:
    return await client.post(f"{BULK}/{action}", json=body, headers=KEY)


async def failed(client: httpx2.AsyncClient, world: World, count: int) -> list[str]:
    ids = await many(client, count)
    for task_id in ids:
        world.force(uuid.UUID(task_id), status="failed", completed_at=world.now())
    return ids


async def test_an_order_that_is_sent_again_is_given_once(
    client: httpx2.AsyncClient, world: World
) -> None:
    ids = await failed(client, world, 3)
    first, again = [await order(client, "retry", ids=ids) for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert first.json()["outcomes"] == {"retried": 3}
    assert (await client.get(f"{TASKS}count")).json()["total"] == 6
    assert len((await client.get(OPERATIONS)).json()) == 1


async def test_of_many_at_once_one_is_taken(client: httpx2.AsyncClient, world: World) -> None:
    ids = await failed(client, world, 20)
    answers = await asyncio.gather(*(order(client, "retry", ids=ids) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 4
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert (await client.get(f"{TASKS}count")).json()["total"] == 40


async def test_a_large_one_is_found_again_where_it_is(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_operations, "MAX_AT_ONCE", 3)
    ids = await many(client, 4)
    first, again = [await order(client, "cancel", ids=ids) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["location"] == f"{OPERATIONS}/{first.json()['id']}"


async def test_another_order_needs_another_key(api: Api, client: httpx2.AsyncClient) -> None:
    ids = await many(client, 2)
    looked = await order(client, "delete", ids=ids, dry_run=True)
    assert looked.json()["total"] == 2, "to look takes no key"
    assert (await order(client, "cancel", ids=ids)).status_code == 200
    for answer in (
        await order(client, "delete", ids=ids),
        await order(client, "cancel", ids=ids[:1]),
        await client.post(BULK, json={"tasks": [new_task()]}, headers=KEY),
        await client.post(TASKS, json=new_task(), headers=KEY),
    ):
        assert problem_of(answer, 422)["code"] == "idempotency_key_reused"
    ada = await api.as_user("ada@example.org")
    assert (await order(ada, "cancel", ids=ids)).json()["outcomes"] == {"not_found": 2}


async def test_a_refused_order_keeps_no_key(client: httpx2.AsyncClient) -> None:
    problem_of(await order(client, "cancel", ids=[]), 422)
    assert (await order(client, "cancel", ids=await many(client, 1))).status_code == 200


async def test_many_new_ones_sent_again_are_told_of_and_not_of_their_unique_keys(
    client: httpx2.AsyncClient,
) -> None:
    body = {"tasks": [new_task(unique_key=f"k{n}", scheduled_at=LATER) for n in range(20)]}
    answers = await asyncio.gather(*(client.post(BULK, json=body, headers=KEY) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert {tuple(answer.json()["ids"]) for answer in answers} == {tuple(answers[0].json()["ids"])}
