"""Who asks, and whether they may: the rights that endpoints name in their signatures."""

# Annotations are evaluated here: the rights below are closures over their scopes.

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from app.api import cookies
from app.core.errors import Forbidden, Unauthorized
from app.core.security import Principal, Scope
from app.services import browser_session, identity

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="tsk_...",
    description="An API token: from `make -s token`, `taskctl token create` or `POST "
    "/api/v1/auth/token`.",
)


_session = APIKeyCookie(
    name=cookies.COOKIE,
    auto_error=False,
    scheme_name="session",
    description="A browser's session: from a sign-in link or `POST /api/v1/auth/session`. "
    f"Requests that change something also need the header `{cookies.CSRF_HEADER}` (any value) "
    "and must come from the API's own origin. Over TLS the name begins with `__Host-`.",
)


async def identify(request: Request, *, may_view: bool) -> Principal:
    """Who makes the request. Raises `Unauthorized`, and `Forbidden` for another site's request.

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
    return await identity.authenticate(token)


async def _signed_in(request: Request, secret: str) -> Principal:
    caller = await browser_session.session_of(secret)
    if caller is None:
        raise Unauthorized(
            "The session has ended; sign in again, or get a new link with: taskctl user "
            "sign-in-link EMAIL",
            code="session_over",
        )
    cookies.require_own_page(request)
    return caller


def _task_in_path(request: Request) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.path_params.get("task_id", ""))
    except ValueError:
        return None


def require(*any_of: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that returns the caller, who needs one of the scopes."""

    async def right(
        request: Request,
        _: Annotated[
            HTTPAuthorizationCredentials | None,
            Security(_bearer, scopes=[scope.value for scope in any_of]),
        ],
        __: Annotated[str | None, Security(_session)],
    ) -> Principal:
        principal: Principal = request.scope["principal"]
        if not any(principal.has(scope) for scope in any_of):
            names = " or ".join(any_of)
            raise Forbidden(f"This needs the scope {names}", code="scope_missing")
        return principal

    right.scopes = any_of  # type: ignore[attr-defined]
    return right


async def _anybody(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    __: Annotated[str | None, Security(_session)],
) -> Principal:
    principal: Principal = request.scope["principal"]
    return principal


_anybody.scopes = ()  # type: ignore[attr-defined]

SignedIn = Annotated[Principal, Depends(_anybody)]
TasksRead = Annotated[Principal, Depends(require(Scope.TASKS_READ))]
TasksWrite = Annotated[Principal, Depends(require(Scope.TASKS_WRITE))]
TasksChange = Annotated[Principal, Depends(require(Scope.TASKS_WRITE, Scope.TASKS_REPORT))]
QueuesRead = Annotated[Principal, Depends(require(Scope.QUEUES_READ))]
QueuesWrite = Annotated[Principal, Depends(require(Scope.QUEUES_WRITE))]
WorkersRead = Annotated[Principal, Depends(require(Scope.WORKERS_READ))]
MetricsRead = Annotated[Principal, Depends(require(Scope.METRICS_READ))]
TokensWrite = Annotated[Principal, Depends(require(Scope.TOKENS_WRITE))]
UsersRead = Annotated[Principal, Depends(require(Scope.USERS_READ))]
UsersWrite = Annotated[Principal, Depends(require(Scope.USERS_WRITE))]
