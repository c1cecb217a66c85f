"""Who asks, and whether they may: the rights that endpoints name in their signatures."""

# Annotations are evaluated here: the rights below are closures over their scopes.

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from app.api import cookies, recording
from app.core.errors import Forbidden, Unauthorized
from app.core.security import Principal, Scope
from app.services import browser_session, identity

# What the API's description says about the credentials, which `identify` reads.
SCHEMES: dict[str, dict[str, str]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "tsk_...",
        "description": "An API token: from `make -s token`, `taskctl token create` or `POST "
        "/api/v1/auth/token`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookies.COOKIE,
        "description": "A browser's session: from a sign-in link or `POST /api/v1/auth/session`. "
        f"Requests that change something also need the header `{cookies.CSRF_HEADER}` (any value) "
        "and must come from the API's own origin. Over TLS the name begins with `__Host-`.",
    },
}


async def identify(request: Request, *, may_view: bool) -> Principal:
    """Who makes the request. Raises `Unauthorized`, `TooManyAttempts` where somebody guesses, and
    `Forbidden` for another site's request.

    A bearer token wins over a view token, which counts only on the routes that declare it
    (`may_view`), and both win over a session.
    """
    header = request.headers.get("authorization")
    if header is None and may_view and (view := request.query_params.get("view")):
        return await identity.authenticate_view(view, _task_in_path(request))
    if header is None and (secret := cookies.read(request)):
        return await _signed_in(request, secret)
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Send a token: Authorization: Bearer <token>", code="token_missing")
    return await identity.authenticate(token, recording.address(request))


async def _signed_in(request: Request, secret: str) -> Principal:
    caller = await browser_session.session_of(secret, recording.address(request))
    if caller is None:
        raise Unauthorized(
            "The session has ended; sign in again, or get a new link with: taskctl user "
            "sign-in-link EMAIL",
            code="session_over",
        )
    # Known from here on, also to the audit log, should another site have caused it.
    request.scope["principal"] = caller
    cookies.require_own_page(request)
    return caller


def _task_in_path(request: Request) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.path_params.get("task_id", ""))
    except ValueError:
        return None


def require(*any_of: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that returns the caller, who needs one of the scopes, if any are named."""

    async def right(request: Request) -> Principal:
        principal: Principal = request.scope["principal"]
        if any_of and not any(principal.has(scope) for scope in any_of):
            names = " or ".join(any_of)
            raise Forbidden(f"This needs the scope {names}", code="scope_missing")
        return principal

    right.scopes = any_of  # type: ignore[attr-defined]
    return right


def scopes_of(dependant: Dependant) -> tuple[Scope, ...] | None:
    """The scopes of which an endpoint needs one; None if it names no right."""
    for inner in dependant.dependencies:
        found: tuple[Scope, ...] | None = getattr(inner.call, "scopes", None)
        if found is not None or (found := scopes_of(inner)) is not None:
            return found
    return None


SignedIn = Annotated[Principal, Depends(require())]
TasksRead = Annotated[Principal, Depends(require(Scope.TASKS_READ))]
TasksWrite = Annotated[Principal, Depends(require(Scope.TASKS_WRITE))]
TasksChange = Annotated[Principal, Depends(require(Scope.TASKS_WRITE, Scope.TASKS_REPORT))]
QueuesRead = Annotated[Principal, Depends(require(Scope.QUEUES_READ))]
QueuesWrite = Annotated[Principal, Depends(require(Scope.QUEUES_WRITE))]
WorkersRead = Annotated[Principal, Depends(require(Scope.WORKERS_READ))]
MetricsRead = Annotated[Principal, Depends(require(Scope.METRICS_READ))]
AuditRead = Annotated[Principal, Depends(require(Scope.AUDIT_READ))]
TokensWrite = Annotated[Principal, Depends(require(Scope.TOKENS_WRITE))]
UsersRead = Annotated[Principal, Depends(require(Scope.USERS_READ))]
UsersWrite = Annotated[Principal, Depends(require(Scope.USERS_WRITE))]
