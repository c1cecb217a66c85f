"""Event streams: the present state first, then every change, and nothing of anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from app.maintenance import rollup
from app.services import identity, validity
from tests.support.api import Api, create, events_of, problem_of
from tests.support.broker import Broker
from tests.support.world import World

TASKS = "/api/v1/tasks/"
REPORTS = ["tasks:read", "tasks:write", "tasks:report", "tokens:write"]
LATER = {"scheduled_at": "2100-01-01T00:00:00Z"}


class Reader:
    """Reads a stream in the background and keeps what came."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.headers: httpx2.Headers | None = None
        self._more = asyncio.Event()
        self.task = asyncio.create_task(self._read(client, url))

    async def _read(self, client: httpx2.AsyncClient, url: str) -> None:
        with contextlib.suppress(httpx2.TransportError):
            async with client.stream("GET", url, timeout=60) as answer:
                self.headers = answer.headers
                async for event in events_of(answer):
                    self.seen.append(event)
                    self._more.set()

    async def until(self, name: str, within: float = 5, **fields: Any) -> Any:
        """The data of the first event of that name with these fields, once it came."""
        async with asyncio.timeout(within):
            while True:
                for event, data in self.seen:
                    if event == name and all(data.get(k) == v for k, v in fields.items()):
                        return data
                self._more.clear()
                await self._more.wait()

    def ids(self, name: str = "task") -> list[str]:
        """Ids in the order they came."""
        return [data["id"] for event, data in self.seen if event == name]


@contextlib.asynccontextmanager
async def reading(client: httpx2.AsyncClient, url: str) -> AsyncIterator[Reader]:
    """A reader that ends with the block."""
    reader = Reader(client, url)
    try:
        yield reader
    finally:
        reader.task.cancel()
        await asyncio.gather(reader.task, return_exceptions=True)


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    """A user who may also report."""
    return await api.as_user("bob@example.org", scopes=REPORTS)


async def test_one_task_begins_with_its_state_and_follows_it_to_the_end(
    client: httpx2.AsyncClient,
) -> None:
    task = await create(client, **LATER)
    path = f"{TASKS}{task['id']}"
    async with reading(client, f"{path}/events") as reader:
        first = await reader.until("task", status="pending")
        assert set(first) == set(task)
        await client.patch(path, json={"status": "running"})
        await reader.until("task", status="running")
        await client.patch(path, json={"attempt": 1, "progress": 40})
        await reader.until("task", progress=40)
        await client.patch(path, json={"attempt": 1, "status": "succeeded", "result": 42})
        assert (await reader.until("task", status="succeeded"))["result"] == 42
        versions = [data["version"] for _, data in reader.seen]
        assert versions == sorted(set(versions))
        await client.delete(path)
        assert await reader.until("deleted") == {"id": task["id"]}
        await asyncio.wait_for(reader.task, 5)  # and that is its end
    assert reader.headers is not None
    assert reader.headers["content-type"].startswith("text/event-stream")
    assert reader.headers["x-accel-buffering"] == "no"


async def test_who_follows_a_task_sees_its_subtasks_move(
    client: httpx2.AsyncClient, world: World
) -> None:
    parent = await create(client, **LATER)
    parts = [await create(client, parent_id=parent["id"], **LATER) for _ in range(2)]
    counts = {"total": 2, "pending": 1, "running": 1, "succeeded": 0, "failed": 0, "revoked": 0}
    async with (
        reading(client, f"{TASKS}{parent['id']}/events") as its_own,
        reading(client, f"{TASKS}events") as all_of_them,
    ):
        await its_own.until("task", subtasks=None)
        await all_of_them.until("ready")
        await client.patch(f"{TASKS}{parts[0]['id']}", json={"status": "running"})
        await client.patch(f"{TASKS}{parts[0]['id']}", json={"attempt": 1, "progress": 50})
        await asyncio.to_thread(rollup.run_once, world.database)
        for reader in (its_own, all_of_them):
            await reader.until("task", id=parent["id"], subtasks={**counts, "progress": 25})
    task = (await client.get(f"{TASKS}{parent['id']}")).json()
    assert task["subtasks"] == {**counts, "progress": 25}


async def test_the_list_begins_complete_and_goes_on_with_changes(
    client: httpx2.AsyncClient,
) -> None:
    made = [await create(client, **LATER) for _ in range(3)]
    async with reading(client, f"{TASKS}events") as reader:
        assert await reader.until("ready") == {"count": 3}
        assert reader.ids() == [task["id"] for task in made]
        new = await create(client, **LATER)
        await reader.until("task", id=new["id"])
        await client.post(f"{TASKS}{made[0]['id']}/cancel")
        await reader.until("task", id=made[0]["id"], status="revoked")
        await client.delete(f"{TASKS}{made[1]['id']}")
        await reader.until("deleted", id=made[1]["id"])


async def test_a_filtered_list_says_when_a_task_leaves_it(client: httpx2.AsyncClient) -> None:
    task, other = await create(client, **LATER), await create(client, task_type="other", **LATER)
    async with reading(client, f"{TASKS}events?status=pending&task_type=report") as reader:
        assert await reader.until("ready") == {"count": 1}
        for each in (other, task):
            await client.post(f"{TASKS}{each['id']}/cancel")
        await reader.until("task", id=task["id"], status="revoked")
        assert other["id"] not in reader.ids()


async def test_streams_tell_nothing_of_somebody_elses_tasks(
    api: Api, client: httpx2.AsyncClient
) -> None:
    other = await api.as_user("other@example.org")
    operator = await api.as_user("op@example.org", role="operator")
    before = await create(client, **LATER)
    async with (
        reading(other, f"{TASKS}events") as theirs,
        reading(operator, f"{TASKS}events") as everybodys,
    ):
        assert await theirs.until("ready") == {"count": 0}
        task = await create(client, **LATER)
        await everybodys.until("task", id=task["id"])
        await client.delete(f"{TASKS}{before['id']}")
        await everybodys.until("deleted", id=before["id"])
        own = await create(other, **LATER)
        await theirs.until("task", id=own["id"])
        assert [name for name, _ in theirs.seen] == ["ready", "task"]


async def test_connecting_again_begins_with_the_present_state(client: httpx2.AsyncClient) -> None:
    task = await create(client, **LATER)
    url = f"{TASKS}{task['id']}/events"
    async with client.stream("GET", url, headers={"Last-Event-ID": "1"}) as answer:
        async for event, data in events_of(answer):
            assert (event, data["id"]) == ("task", task["id"])
            break


async def test_a_view_token_opens_the_stream_of_its_task_only(
    api: Api, client: httpx2.AsyncClient
) -> None:
    task, other = await create(client, **LATER), await create(client, **LATER)
    made = (await client.post(f"{TASKS}{task['id']}/view-token")).json()
    async with reading(api.stranger, made["url"]) as reader:
        await reader.until("task", id=task["id"])
    view = {"view": made["token"]}
    for path in (f"{TASKS}{other['id']}/events", f"{TASKS}events"):
        problem_of(await api.stranger.get(path, params=view), 401)


async def test_revoking_the_token_ends_its_streams(api: Api, client: httpx2.AsyncClient) -> None:
    task = await create(client, **LATER)
    made = (await client.post("/api/v1/tokens", json={"scopes": ["tasks:read"]})).json()
    async with reading(api.with_token(made["token"]), f"{TASKS}events") as reader:
        await reader.until("task", id=task["id"])
        assert (await client.delete(f"/api/v1/tokens/{made['id']}")).status_code == 200
        await asyncio.wait_for(reader.task, 10)


async def test_those_who_ask_at_once_whether_they_still_may_share_one_look(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    look = validity._valid_of

    async def counted(group: Any) -> Any:
        looks.append(group)
        return await look(group)

    monkeypatch.setattr(validity, "_valid_of", counted)
    made = [(await client.post("/api/v1/tokens", json={})).json() for _ in range(2)]
    kept, revoked = [await identity.authenticate(each["token"]) for each in made]
    await client.delete(f"/api/v1/tokens/{made[1]['id']}")
    user = replace(kept, token_id=None)
    asked = [kept, revoked, user, replace(user, user_id=uuid.uuid4())] * 50
    answers = await asyncio.gather(*map(validity.still_valid, asked))
    assert answers == [True, False, True, False] * 50
    assert len(looks) == 1


async def test_signing_out_ends_the_streams_of_the_session(api: Api) -> None:
    browser = await api.signed_in("bob@example.org")
    async with reading(browser, f"{TASKS}events") as reader:
        await reader.until("ready")
        left = await browser.delete("/api/v1/auth/session")
        assert left.status_code == 204
        await asyncio.wait_for(reader.task, 10)


async def test_streams_end_when_the_process_is_told_to_stop(
    api: Api, client: httpx2.AsyncClient
) -> None:
    async with reading(client, f"{TASKS}events") as reader:
        await reader.until("ready")
        started = time.monotonic()
        api.app.state.live.close()
        await asyncio.wait_for(reader.task, 1)
        assert time.monotonic() - started < 1


async def test_without_a_broker_streams_are_brought_up_to_date_all_the_same(
    api: Api, client: httpx2.AsyncClient, broker: Broker
) -> None:
    task = await create(client, **LATER)
    async with reading(client, f"{TASKS}events") as reader:
        await reader.until("ready")
        broker.kill()
        try:
            new = await create(client, **LATER)
            await client.post(f"{TASKS}{task['id']}/cancel")
            await reader.until("task", within=8, id=new["id"])
            await reader.until("task", within=8, id=task["id"], status="revoked")
            await client.delete(f"{TASKS}{task['id']}")
            await reader.until("deleted", within=8, id=task["id"])
        finally:
            broker.start()
        another = await create(client, **LATER)
        await reader.until("task", within=8, id=another["id"])
