"""What surrounds every request: its id, a limit on waiting, and headers for browsers."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import internal, unavailable
from app.core.context import new_request_id, request_id
from app.core.errors import ConfigurationError
from app.core.logging import bound, get_logger

# An answer comes within 3 s. A request may make several statements, each of which is in time, and
# a database that is frozen rather than gone answers nothing at all, not even an error.
PATIENCE_SECONDS = 2.5
# How late a deadline may be noticed that moves while a client sends its body.
LOOK_SECONDS = 0.05
_TOO_SLOW = (
    "There was no answer in time, most likely because the database does not answer; try again "
    "shortly"
)
_log = get_logger(__name__)

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # A view token stands in a query; it must not travel on in a Referer.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
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
        identity = new_request_id(Headers(scope=scope).get("x-request-id"))
        token = request_id.set(identity)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = identity
                headers.setdefault("Cache-Control", "no-store")
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            with bound(request_id=identity):
                await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            if started:
                raise  # the client must see that the answer is not whole
            await internal(scope["path"])(scope, receive, send_with_headers)
        finally:
            request_id.reset(token)


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
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        clock = _Clock()
        expired = False

        async def timed_receive() -> Message:
            with clock.stopped():  # a slow upload is the client's own time
                return await receive()

        async def guarded_send(message: Message) -> None:
            if expired:
                raise OSError("the response was given up")
            if not started.done():
                started.set_result(None)
            await send(message)

        work = asyncio.ensure_future(self._app(scope, timed_receive, guarded_send))
        try:
            while (left := PATIENCE_SECONDS - clock.spent()) > 0:
                await asyncio.wait(
                    {work, started},
                    timeout=max(left, LOOK_SECONDS),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if work.done() or started.done():
                    await work
                    return
        finally:
            if not work.done():
                work.cancel()
        expired = True
        work.add_done_callback(_forget)
        _log.warning("gave up waiting", method=scope["method"], path=scope["path"])
        answer = unavailable(scope["path"], _TOO_SLOW)
        await answer(scope, receive, send)


class _Clock:
    """Seconds since it was made, without those during which it was stopped."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._stopped_at: float | None = None

    def spent(self) -> float:
        now = time.monotonic() if self._stopped_at is None else self._stopped_at
        return now - self._since

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        self._stopped_at = began = time.monotonic()
        try:
            yield
        finally:
            self._stopped_at = None
            self._since += time.monotonic() - began


def _forget(work: asyncio.Future[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError, Exception):
        work.result()


async def _start_or_say_why(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """A configuration that cannot be used ends the start with its sentence, not a traceback."""

    async def send_sentence(message: Message) -> None:
        reason = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(reason, ConfigurationError):
            message = {**message, "message": str(reason)}
        await send(message)

    with contextlib.suppress(ConfigurationError):
        await app(scope, receive, send_sentence)
