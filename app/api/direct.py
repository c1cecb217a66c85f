"""A route for endpoints that are called thousands of times a second.

FastAPI looks for each request at what an endpoint asks for, and calls what it depends on through
three layers of its own: for an endpoint that does little this is most of the work. Here that is
looked at once. What is checked, in which order and with which answers, is the same. The audit log does
not hear of them: they create tasks, whose rows say who and when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from starlette.types import Receive, Scope, Send

from app.api import json_body
from app.api.routing import ROUTE_CLASS, Endpoint, StrictRoute

MAX_BULK_BYTES = 32 << 20
SECONDS_PER_MIB = 10.0
Getter = Callable[[Request], Awaitable[Any]]


def direct(endpoint: Endpoint) -> Endpoint:
    """Serve this endpoint without FastAPI in between.

    It takes a body and dependencies that need no more than the request or a header's text, and
    returns a `Response`; what it declares describes it as always.
    """
    setattr(endpoint, ROUTE_CLASS, DirectRoute)
    return endpoint


def bulk(endpoint: Endpoint) -> Endpoint:
    """The same for an endpoint that takes very large bodies."""
    setattr(endpoint, ROUTE_CLASS, BulkRoute)
    return endpoint


class DirectRoute(StrictRoute):
    """A strict route that calls its endpoint itself."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._getters = [(str(each.name), _getter(each)) for each in self.dependant.dependencies]
        (self._body,) = self.dependant.body_params
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raw = await self.admit(request)
        values = {name: await get(request) for name, get in self._getters}
        values[self._body.name] = await self.validated(request, raw)
        answer: Response = await self.endpoint(**values)
        return answer

    async def validated(self, request: Request, raw: bytes) -> Any:
        """What the endpoint gets as its body. Raises `RequestValidationError` and `Invalid`."""
        return _validated(self._body, raw, json_body.MAX_DEPTH)


class BulkRoute(DirectRoute):
    """One whose body holds many of what others take one of.

    It may be as deep in each, and has more time, by its size. Parsing it is left to a thread:
    the event loop serves others meanwhile.
    """

    max_body_bytes = MAX_BULK_BYTES

    async def validated(self, request: Request, raw: bytes) -> Any:
        """The same."""
        request.scope["deadline"].extend(SECONDS_PER_MIB * len(raw) / (1 << 20))
        depth = json_body.MAX_DEPTH + 2
        return await asyncio.to_thread(_validated, self._body, raw, depth)


def _getter(dependant: Dependant) -> Getter:
    """How to call a dependency. Raises `TypeError` for one that needs more than it may."""
    call: Any = dependant.call
    headers = [(field.name, field.alias) for field in dependant.header_params]
    if dependant.request_param_name and not headers:
        return call  # type: ignore[no-any-return]
    if dependant.dependencies or dependant.query_params or len(headers) != 1:
        raise TypeError(f"{call} needs more than a direct route has")
    ((name, alias),) = headers

    async def get(request: Request) -> Any:
        return await call(**{name: request.headers.get(alias)})

    return get


def _validated(field: Any, raw: bytes, depth: int) -> Any:
    given = json_body.loads(raw, depth) if raw else None
    if given is None:
        missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
        raise RequestValidationError([missing])
    value, errors = field.validate(given, loc=("body",))
    if errors:
        raise RequestValidationError(errors)
    return value
