"""What surrounds every request: its id, a limit on waiting, and headers for browsers."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable
from typing import Any, cast

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import internal, unavailable
from app.core.context import new_request_id, request_id, token, user
from app.core.errors import ConfigurationError
from app.core.logging import get_logger

# An answer comes within 3 s, also from a machine that has no time left: the last second is for that.
# A request may make several statements, each of which is in time, and a database that is frozen
# rather than gone answers nothing at all, not even an error.
PATIENCE_SECONDS = 2.0
# How late a deadline may be noticed that moves while a client sends its body.
LOOK_SECONDS = 0.05
_TOO_SLOW = (
    "There was no answer in time, most likely because the database does not answer; try again "
    "shortly"
)
_log = get_logger(__name__)

Header = tuple[bytes, bytes]
_HEADERS: list[Header] = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # A view token stands in a query; it must not travel on in a Referer.
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# What is data is no page: whoever opens it in a browser runs and loads nothing, and frames it nowhere.
_OF_JSON = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_JSON = (b"application/json", b"application/problem+json")
# A year. Said only over TLS, where alone browsers heed it; other names of the domain are not ours.
_OF_TLS = (b"strict-transport-security", b"max-age=31536000")


def _made(*more: Header) -> dict[bytes, Header]:
    """Headers by their name, made once: every answer has them."""
    return {each[0]: each for each in (*_HEADERS, *more)}


# By whether the answer is JSON, and whether the request came over TLS.
_ADDED = {
    (False, False): _made(),
    (False, True): _made(_OF_TLS),
    (True, False): _made(_OF_JSON),
    (True, True): _made(_OF_JSON, _OF_TLS),
}


class RequestContext:
    """Gives the request its id, and an unexpected error a 500 that does not leak.

    Outermost, so that whatever answers below carries the id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _start_or_say_why(self._app, scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        identity = new_request_id(_header(scope, b"x-request-id"))
        asked, nobody, nothing = request_id.set(identity), user.set(""), token.set("")
        own = (b"x-request-id", identity.encode())
        # Behind a proxy uvicorn has put here what a trusted one says.
        over_tls = scope.get("scheme") == "https"
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*_with_ours(message.get("headers") or (), over_tls), own]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            if started:
                raise  # the client must see that the answer is not whole
            await internal(scope["path"])(scope, receive, send_with_headers)
        finally:
            request_id.reset(asked)
            user.reset(nobody)
            token.reset(nothing)


def _with_ours(headers: Iterable[Header], over_tls: bool) -> list[Header]:
    """The headers of an answer, and those of ours that it does not say otherwise."""
    answered = list(headers)
    given = dict(answered)
    added = _ADDED[given.get(b"content-type", b"").startswith(_JSON), over_tls]
    if given.keys().isdisjoint(added):
        return [*answered, *added.values()]
    return [*answered, *(each for name, each in added.items() if name not in given)]


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next(
        (value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None
    )


class Deadline:
    """Answers 503 when no response has begun after `PATIENCE_SECONDS` of our own time.

    The work is abandoned then; whether it committed is unknown to the client, as with any lost
    connection, which is what idempotency keys are for. Responses that have begun, such as event
    streams, last as long as they like.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = scope["deadline"] = _Watch(scope, receive, send)
        try:
            await self._app(scope, watch.receive, watch.send)
        except (asyncio.CancelledError, Exception):
            # Ours is not the only reason to be cancelled.
            if watch.answer is None or watch.work.uncancel():
                raise
        finally:
            watch.stop()
        if watch.answer is not None:
            await watch.answer


class _Watch:
    """The time that a request has left, and what happens when it is over.

    A timer in the request's own task: another task for each, to be waited for, would cost more
    than all that the timer does.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + PATIENCE_SECONDS
        self._timer = self._loop.call_at(self._until, self._look)
        self._receiving_since: float | None = None
        self.work = cast("asyncio.Task[Any]", asyncio.current_task())
        # Sends the 503 beside the work, which may take its time to notice that it is cancelled.
        self.answer: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """There is an answer, or nobody to answer."""
        self._timer.cancel()

    def extend(self, seconds: float) -> None:
        """Grant the request more time, because it is worth it."""
        self._until += seconds

    async def receive(self) -> Message:
        """The next message; a slow upload is the client's own time."""
        self._receiving_since = began = self._loop.time()
        try:
            return await self._receive()
        finally:
            self._receiving_since = None
            self._until += self._loop.time() - began

    async def send(self, message: Message) -> None:
        """Pass an answer on, unless it comes too late."""
        if self.answer is not None:
            raise OSError("the response was given up")
        self.stop()
        await self._send(message)

    def _look(self) -> None:
        now = self._loop.time()
        left = self._until - (self._receiving_since or now)
        if self._receiving_since is not None or left > 0:
            self._timer = self._loop.call_later(max(left, LOOK_SECONDS), self._look)
            return
        path = self._scope["path"]
        _log.warning("gave up waiting", method=self._scope["method"], path=path)
        answer = unavailable(path, _TOO_SLOW)
        self.answer = self._loop.create_task(answer(self._scope, self._receive, self._send))
        self.work.cancel()


async def _start_or_say_why(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """A configuration that cannot be used ends the start with its sentence, not a traceback."""

    async def send_sentence(message: Message) -> None:
        reason = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(reason, ConfigurationError):
            message = {**message, "message": str(reason)}
        await send(message)

    with contextlib.suppress(ConfigurationError):
        await app(scope, receive, send_sentence)
