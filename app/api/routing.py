"""Routes that are strict about what they are given, and closed to strangers unless they say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute

from app.api import json_body, recording
from app.api.contract import described
from app.api.rights import identify, scopes_of
from app.core.context import token, user
from app.core.errors import AppError, Invalid, TooLarge
from app.core.security import Principal

MAX_BODY_BYTES = 1_048_576
_PUBLIC = "__public__"
# An endpoint may bring the class of its route.
ROUTE_CLASS = "__route_class__"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class UnsupportedMedia(AppError):
    status, title, default_code = 415, "Unsupported media type", "unsupported_media_type"


def public(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint as open to everybody. All others know who asks before they do anything."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


class StrictRoute(APIRoute):
    """Identifies the caller first, then refuses unknown or repeated query parameters, bodies of
    another type than JSON and JSON that is not sound, before the endpoint's own checks.

    Answers with and without a trailing slash. Not by redirect: clients drop the Authorization
    header or the body when they follow one.
    """

    max_body_bytes = MAX_BODY_BYTES

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.is_public and scopes_of(self.dependant) is None:
            methods = ", ".join(sorted(self.methods or ()))
            raise TypeError(
                f"{methods} {self.path} names no right: give the endpoint a parameter of a type "
                "from app.api.rights, or say that it is public"
            )
        exact = self.path_regex.pattern.removesuffix("$").removesuffix("/")
        self.path_regex = re.compile(f"{exact}/?$", self.path_regex.flags)
        if self.is_recorded:
            self.app = recording.Recorded(self.app)

    @property
    def is_public(self) -> bool:
        """Whether no token is asked for."""
        return bool(getattr(self.endpoint, _PUBLIC, False))

    @property
    def is_recorded(self) -> bool:
        """Whether it changes something, so that the audit log has to know."""
        return bool(set(self.methods or ()) - recording.SAFE)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the checks in front of it, and an entry of the audit log."""
        handle = super().get_route_handler()
        action = str(self.operation_id)

        async def strict(request: Request) -> Response:
            await self._look_at(request)
            return await handle(request)

        async def recorded(request: Request) -> Response:
            try:
                await self._look_at(request)
            except Exception:
                await recording.record(request, action)
                raise
            await recording.record(request, action)
            return await handle(request)

        return recorded if self.is_recorded else strict

    async def _look_at(self, request: Request) -> None:
        if raw := await self.admit(request):
            # Where Starlette keeps what it parsed, so that nobody parses it again.
            request._json = json_body.loads(raw)

    async def admit(self, request: Request) -> bytes:
        """The body, if one is asked for, of a request that is fit to be looked at."""
        allowed = self._allowed
        if not self.is_public:
            known = await self.caller(request, may_view="view" in allowed)
            request.scope["principal"] = known
            user.set(str(known.user_id))
            token.set(known.prefix or "")
        _check_query(request, allowed)
        if self.body_field is None:
            return b""
        if raw := await _read(request, self.max_body_bytes):
            _check_media_type(request)
        return raw

    async def caller(self, request: Request, *, may_view: bool) -> Principal:
        """Who asks. Raises `Unauthorized`, and `Forbidden` for another site's request."""
        return await identify(request, may_view=may_view)

    @cached_property
    def _allowed(self) -> dict[str, bool]:
        return _query_parameters(self.dependant)


class Router(APIRouter):
    """A router of strict routes. `base` stands before every path of it."""

    def __init__(self, *, base: str = "/api/v1", prefix: str = "", **options: Any) -> None:
        super().__init__(
            prefix=base + prefix, route_class=StrictRoute, redirect_slashes=False, **options
        )

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add the route, with what the API's description says of every route."""
        options = described(endpoint, options, public=getattr(endpoint, _PUBLIC, False))
        options.setdefault("route_class_override", getattr(endpoint, ROUTE_CLASS, None))
        super().add_api_route(path, endpoint, **options)


def serve(app: FastAPI, *routers: Router) -> None:
    """Have the application serve these routes, in this order.

    But for a path that an earlier one would take for its parameter: `/tasks/bulk/cancel` is not about a
    task of the id `bulk`.

    As its own: FastAPI would look for each request twice in a router that is included, and through
    all of that router's routes, each time with the context of its inclusion.
    """
    served = app.router.routes
    for route in (each for router in routers for each in router.routes):
        if isinstance(route, APIRoute):
            served.insert(_place_of(route, served), route)


def _place_of(route: APIRoute, served: Sequence[BaseRoute]) -> int:
    """Before the one that would take the route's path for a value of its parameter, else last."""
    for place, other in enumerate(served):
        if isinstance(other, APIRoute) and _takes(other, route):
            return place
    return len(served)


def _takes(other: APIRoute, route: APIRoute) -> bool:
    both = set(other.methods or ()) & set(route.methods or ())
    return bool(both) and other.path != route.path and bool(other.path_regex.match(route.path))


async def _read(request: Request, limit: int) -> bytes:
    """The body, no more of it than is allowed, and kept where Starlette looks for it.

    FastAPI's own limit answers in plain text, and, for a body that comes in pieces, inside the
    endpoint.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise _too_large(limit)
    request._body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return request._body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit >> 20} MiB")


def _query_parameters(dependant: Dependant) -> dict[str, bool]:
    """The names that the endpoint and its dependencies declare; True: may be repeated."""
    found = {field.alias: _is_list(field.field_info.annotation) for field in dependant.query_params}
    for inner in dependant.dependencies:
        found |= _query_parameters(inner)
    return found


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(part) for part in get_args(annotation))


def _check_query(request: Request, allowed: dict[str, bool]) -> None:
    raw: bytes = request.scope["query_string"]
    if not raw:
        return
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise _query_refused("query", "The query is not UTF-8", "utf8") from None
    if json_body.unfit(text):
        raise _query_refused("query", "The query must not hold NUL", "text")
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise _query_refused(name, f"Unknown query parameter; known: {known}", "unknown")
        if name in seen and not allowed[name]:
            raise _query_refused(name, "This query parameter may be given once", "repeated")
        seen.add(name)


def _query_refused(name: str, message: str, kind: str) -> Invalid:
    return Invalid(
        f"{name}: {message}", errors=[{"loc": ["query", name], "msg": message, "type": kind}]
    )


def _check_media_type(request: Request) -> None:
    given = request.headers.get("content-type", "")
    kind = given.split(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMedia(
            f"The body must be sent as Content-Type: application/json, not {kind or 'without one'}"
        )
