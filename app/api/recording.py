"""The audit log: each change that somebody asks for is in it before it is made.

Not in it, because it would say nothing that the rows do not, thousands of times a second:
creating tasks (`app.api.direct` serves that), and the reports of those who execute them.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import CODE
from app.core.context import request_id
from app.core.errors import AppError
from app.core.security import Principal
from app.domain import audit as telling
from app.domain.audit import Via
from app.services import audit

SAFE = {"GET", "HEAD", "OPTIONS"}
# Where a request keeps the id of its entry.
_ENTRY = "audit_entry"


class Recorded:
    """Completes a request's entry when it has been answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status: int | None = None

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except ClientDisconnect:
            raise
        except Exception:
            # Who answers that is further out. An answer that could not be sent was one all the same.
            await _end(scope, status or 500, scope.get(CODE) if status else "internal")
            raise
        if status is not None:
            await _end(scope, status, scope.get(CODE))


async def _end(scope: Scope, status: int, code: str | None) -> None:
    if (entry_id := scope.get(_ENTRY)) is not None:
        await audit.complete(entry_id, status, code)


async def record(request: Request, action: str) -> None:
    """Write the entry of a request, if it is known by now whose it is, and tells something."""
    caller: Principal | None = request.scope.get("principal")
    body = getattr(request, "_json", None)
    if caller is None or _is_report(action, body):
        return
    about = telling.target(request.path_params)
    detail = telling.detail(action, body, about)
    made = occasion(request, action, audit.via_of(caller), about, detail)
    await begin(request, made, audit.by_caller(caller))


def _is_report(action: str, body: Any) -> bool:
    return action == "updateTask" and isinstance(body, dict) and "attempt" in body


def occasion(
    request: Request,
    action: str,
    via: Via,
    target: Mapping[str, str] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> audit.Occasion:
    """What a request asks for, and where it comes from."""
    return audit.Occasion(
        action,
        via,
        request.method,
        request.url.path,
        target or {},
        detail or {},
        address(request),
        request_id.get(),
    )


def address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


async def begin(request: Request, made: audit.Occasion, who: Mapping[str, Any]) -> None:
    """Write the entry of a request."""
    request.scope[_ENTRY] = await audit.begin(made, who)


@contextlib.asynccontextmanager
async def refusals(made: audit.Occasion, email: str) -> AsyncIterator[None]:
    """Around what may refuse a sign-in: refusals are written, a few of an address each minute."""
    try:
        yield
    except AppError as refusal:
        await audit.refuse_sign_in(made, email, refusal.status, refusal.code)
        raise
