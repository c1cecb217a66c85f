"""The API served on a real port from within the test's own process and loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from app.core.config import Settings

ADMIN = "admin@localhost"
LONG = "app.tasks.common_tasks.long_running_task"


async def eventually(
    condition: Callable[[], Awaitable[object]], *, within: float, what: str
) -> None:
    """Ask until the answer is true. Raises `AssertionError` naming `what` after so many seconds."""
    deadline = time.monotonic() + within
    while not await condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        await asyncio.sleep(0.05)


@dataclass
class Api:
    """A served application, and clients of its users."""

    url: str
    app: FastAPI
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    @property
    def stranger(self) -> httpx2.AsyncClient:
        """A client without a token."""
        return self.with_token(None)

    def with_token(self, token: str | None) -> httpx2.AsyncClient:
        """A client that sends this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=10)
        self.clients.append(client)
        return client

    async def as_user(
        self, email: str = ADMIN, role: str = "user", scopes: list[str] | None = None
    ) -> httpx2.AsyncClient:
        """A client of that user, who is made if need be, with a token of the usual scopes."""
        from app.db.session import async_session
        from app.queries import users as queries
        from app.services import auth

        await _have_user(email, role)
        async with async_session() as db:
            made, token = await auth.create_token(db, email, scopes=scopes)
            # As one that was used just now: its first use would be noted in the background, by
            # this loop, and a test that writes without it would wait for that lock and keep it.
            await db.execute(queries.touch_token(made.id, 0))
            await db.commit()
        return self.with_token(token)

    async def link(self, email: str = ADMIN, role: str = "user") -> str:
        """Path and query of a sign-in link of that user, who is made if need be."""
        from app.db.session import async_session
        from app.services import browser_session

        await _have_user(email, role)
        async with async_session() as db:
            return f"/sign-in?token={await browser_session.create_link(db, email)}"

    async def signed_in(self, email: str = ADMIN, role: str = "user") -> httpx2.AsyncClient:
        """A browser of that user, signed in by a link, that sends what our own pages send."""
        client = self.with_token(None)
        answer = await client.get(await self.link(email, role))
        assert answer.status_code == 303, answer.text
        client.headers["X-Requested-With"] = "test"
        return client

    async def close(self) -> None:
        """Close every client."""
        for client in self.clients:
            await client.aclose()


async def _have_user(email: str, role: str) -> None:
    from app.core.errors import Conflict
    from app.db.session import async_session
    from app.services import auth

    async with async_session() as db:
        await auth.ensure_admin(db)
        with contextlib.suppress(Conflict):
            await auth.create_user(db, email, role)


class _Server(uvicorn.Server):
    """One that is told to end, instead of looking whether it shall ten times a second."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, lifespan="on"))
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        """Serve until `ended` is set."""
        await self.on_tick(0)
        await self.ended.wait()


async def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    try:
        await server.serve([listening])
    except SystemExit as end:  # it would end the loop, and leave pytest's fixtures in pieces
        raise RuntimeError(f"uvicorn has ended with {end.code}; see the log") from end


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Api]:
    """Serve the application with this process's settings until the block ends."""
    from app import dispatch
    from app.main import create_app

    # The feeder of an earlier test holds connections to that test's database.
    dispatch.stop()
    app = create_app()
    # A port that is found free and taken later may be somebody else's by then.
    # Named as TCP, or asyncio would let small writes wait for the acknowledgement of the last.
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = _Server(app)
    # The test's process keeps its own signal handlers.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(_serve(server, listening))
    while not server.started:
        if running.done():
            listening.close()
            raise AssertionError(f"the API did not start: {running.exception()}")
        await asyncio.sleep(0.01)
    api = Api(f"http://127.0.0.1:{listening.getsockname()[1]}", app)
    try:
        yield api
    finally:
        await api.close()
        app.state.live.close()
        server.ended.set()
        await asyncio.wait_for(running, 10)


@pytest.fixture
def unbuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone in which nobody has built the page; named before `api`."""
    monkeypatch.setattr("app.api.dashboard.BUILT", tmp_path / "nothing")


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    """The API on the test's own database and broker."""
    async with serving() as served:
        yield served


def new_task(**changes: Any) -> dict[str, Any]:
    """A body that creates a task, with some of it changed; `...` leaves a field out."""
    body = {
        "name": "Monthly figures",
        "task_type": "report",
        "celery_task_name": LONG,
        "args": [60],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not ...}


async def create(client: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    """Create a task and return it."""
    answer = await client.post("/api/v1/tasks/", json=new_task(**changes))
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


def problem_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The error in the answer, which must be one of that status and of the one shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(body)
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert ("errors" in body) == (status == 422)
    return body


async def events_of(answer: httpx2.Response) -> AsyncIterator[tuple[str, Any]]:
    """`(event, data)` of a stream of server-sent events."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
