"""The deadline of a request, around applications that behave badly."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import middleware
from app.api.middleware import Deadline

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"done"}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little of it."""
    monkeypatch.setattr(middleware, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(middleware, "LOOK_SECONDS", 0.01)


async def answer_of(app: ASGIApp, *, upload_seconds: float = 0.0) -> tuple[int, float]:
    """The one status that the client gets, and when."""
    statuses: list[tuple[int, float]] = []
    began = time.monotonic()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(upload_seconds)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append((message["status"], time.monotonic() - began))

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await Deadline(app)(scope, receive, send)
    ((status, seconds),) = statuses
    return status, seconds


async def answer(send: Send) -> None:
    await send(START)
    await send(BODY)


async def test_an_answer_in_time_is_the_answer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send)

    assert (await answer_of(app))[0] == 200


async def test_who_is_late_is_answered_for() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(30)

    status, seconds = await answer_of(app)
    assert status == 503
    assert seconds < 5


async def test_work_that_takes_no_notice_delays_no_answer() -> None:
    """What it says in the end is not sent on."""
    ended: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0.3)  # a lock that is waited for, a thread that cannot be stopped
        try:
            await answer(send)
        except OSError as exc:
            ended.append(str(exc))
            raise

    status, seconds = await answer_of(app)
    assert (status, ended) == (503, ["the response was given up"])
    assert seconds < 0.3


async def test_an_error_after_the_deadline_is_nobodys() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            raise ValueError("too late to matter")

    assert (await answer_of(app))[0] == 503


async def test_an_error_before_it_goes_on() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await answer_of(app)


async def test_a_slow_upload_is_not_counted() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await answer(send)

    status, seconds = await answer_of(app, upload_seconds=0.4)
    assert status == 200
    assert seconds >= 0.4


async def test_time_that_was_granted_is_there() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["deadline"].extend(30)
        await asyncio.sleep(0.3)
        await answer(send)

    assert (await answer_of(app))[0] == 200


async def test_a_response_that_has_begun_lasts_as_long_as_it_likes() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await asyncio.sleep(0.3)
        await send(BODY)

    assert (await answer_of(app))[0] == 200


async def test_who_is_cancelled_by_others_stays_cancelled() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(30)

    asking = asyncio.create_task(answer_of(app))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
