"""The session cookie, and what keeps other sites from using it.

A browser sends the cookie with every request to this address, whoever caused it. So a request
that is made with the cookie and may change something must carry the header `X-Requested-With`,
which a foreign page cannot send without being allowed to by CORS, and must come from a page of
this very origin, by what the browser itself says of it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request, Response

from app.core.errors import Forbidden
from app.services.browser_session import SESSION_SECONDS

COOKIE = "tasksystem_session"
CSRF_HEADER = "X-Requested-With"
_SAFE = {"GET", "HEAD", "OPTIONS"}


def read(request: Request) -> str | None:
    """The secret of the session that the request was sent with."""
    return request.cookies.get(_name(request))


def write(request: Request, response: Response, secret: str) -> None:
    """Have the browser keep the session. No script can read it."""
    response.set_cookie(
        _name(request),
        secret,
        max_age=SESSION_SECONDS,
        path="/",
        secure=_over_tls(request),
        httponly=True,
        # Not strict: a link to a task in somebody's mail would open as if signed out.
        samesite="lax",
    )


def forget(request: Request, response: Response) -> None:
    """Have the browser drop the session."""
    response.delete_cookie(
        _name(request), path="/", secure=_over_tls(request), httponly=True, samesite="lax"
    )


def require_own_page(request: Request) -> None:
    """Refuse a change that another site may have caused. Raises `Forbidden`."""
    if request.method in _SAFE:
        return
    require_same_origin(request)
    if CSRF_HEADER not in request.headers:
        raise Forbidden(
            f"Changes with a session need the header {CSRF_HEADER}, with any value",
            code="csrf_header_missing",
        )


def require_same_origin(request: Request) -> None:
    """Refuse what the browser says another origin has sent. Raises `Forbidden`.

    Programs that are no browsers say nothing, and hold no cookie that somebody else could use.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        # Browsers leave that header out over plain http, except to the machine itself.
        origin = request.headers.get("origin")
        allowed = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not allowed:
        raise Forbidden("This was sent by a page of another site", code="cross_site")


def _name(request: Request) -> str:
    # A cookie of this prefix can have been set by nothing but this host over TLS.
    return f"__Host-{COOKIE}" if _over_tls(request) else COOKIE


def _over_tls(request: Request) -> bool:
    """Whether the browser came over TLS; behind a proxy, by what a trusted proxy says."""
    return request.url.scheme == "https"
