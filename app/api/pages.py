"""Where a browser arrives: the sign-in link, and what is said where the page is not built."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from fastapi import FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.api import cookies, dashboard, recording
from app.core.address import SIGN_IN_PATH
from app.core.config import get_settings
from app.core.errors import TooManyAttempts
from app.core.version import VERSION
from app.db.session import is_transient
from app.domain.audit import Via
from app.services import audit, browser_session

_NEW_LINK = "<code>taskctl user sign-in-link EMAIL</code>"
_LINK_OVER = "link_over"
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:10vh auto;padding:0 1rem}"
    "dt{font-weight:600;margin-top:.75rem}dd{margin:0}code{background:#8883;padding:.1em .3em}"
    ":root{color-scheme:light dark}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# No script at all, nothing from elsewhere, and of styles only the one above.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


def install(app: FastAPI) -> None:
    """Serve `/` and `/sign-in`."""
    app.add_route("/", _home, include_in_schema=False)
    app.add_route(SIGN_IN_PATH, _sign_in, include_in_schema=False)


async def _home(request: Request) -> Response:
    """The page; where it is not built, that the API serves, and how to build it."""
    if dashboard.is_built():
        return RedirectResponse(dashboard.HOME, status_code=307)
    flower = f"http://localhost:{get_settings().flower_port}"
    return _page(
        "Task system",
        f"""<p>The API serves, version {escape(VERSION)}.</p>
<dl>
<dt>The page</dt>
<dd>is not built: <code>make page</code> does it, and <code>make up</code> when it starts</dd>
<dt>API documentation</dt>
<dd><a href="/docs">/docs</a> to try it out, <a href="/redoc">/redoc</a> to read</dd>
<dt>Flower, the monitor</dt>
<dd><a href="{flower}">{flower}</a>, on the machine that runs it</dd>
<dt>A token for the API</dt>
<dd><code>make -s token</code>, or <code>taskctl token create --user EMAIL</code></dd>
<dt>This browser</dt>
<dd>{await _who(request)}</dd>
</dl>""",
    )


async def _who(request: Request) -> str:
    secret = cookies.read(request)
    try:
        where = recording.address(request)
        caller = await browser_session.session_of(secret, where) if secret else None
    except TooManyAttempts as exc:
        return f"unknown: {escape(exc.detail)}"
    except (SQLAlchemyError, OSError) as exc:
        _require_outage(exc)
        return "unknown: the database does not answer"
    if caller is None:
        return f"not signed in; a link that does it: {_NEW_LINK}"
    return f"signed in as {escape(caller.email)} ({caller.role})"


async def _sign_in(request: Request) -> Response:
    """Exchange a link for a session.

    Only for a person who opens it: browsers that fetch ahead and programs that look whether
    there is anything would spend it.
    """
    ahead = "prefetch" in request.headers.get("sec-purpose", "")
    if request.method != "GET" or ahead:
        return Response(status_code=503 if ahead else 200)
    try:
        return await _use_link(request, request.query_params.get("token", ""))
    except TooManyAttempts as exc:
        return _page(
            "Not signed in", f"<p>{escape(exc.detail)}.</p>", status=exc.status, headers=exc.headers
        )
    except (SQLAlchemyError, OSError) as exc:
        _require_outage(exc)
        return _page(
            "Not signed in",
            "<p>The database does not answer. Open the link again in a moment.</p>",
            status=503,
        )


async def _use_link(request: Request, secret: str) -> Response:
    """The session, in the audit log before it is made; what is refused afterwards."""
    occasion = recording.occasion(request, "useSignInLink", Via.LINK)
    user = await browser_session.holder_of_link(secret, recording.address(request))
    if user is None:
        await audit.refuse_sign_in(occasion, None, 410, _LINK_OVER)
        return _link_is_over()
    entry = await audit.begin(occasion, audit.by_user(user))
    opened = await browser_session.use_link(secret)
    if opened is None:  # somebody was faster
        response: Response = _link_is_over()
        response.background = BackgroundTask(audit.complete, entry, 410, _LINK_OVER)
        return response
    response = RedirectResponse("/", status_code=303)
    cookies.write(request, response, opened[1])
    response.background = BackgroundTask(audit.complete, entry, 303)
    return response


def _link_is_over() -> HTMLResponse:
    return _page(
        "Not signed in",
        "<p>This sign-in link was used already, or is older than ten minutes.</p>"
        f"<p>A new one: {_NEW_LINK}, with <code>admin@localhost</code> or your email, or a "
        "new start of <code>make up</code>, which prints one.</p>",
        status=410,
    )


def _require_outage(exc: Exception) -> None:
    """Raise again what is no outage of the database but a fault of ours."""
    if not is_transient(exc) and not isinstance(exc, OSError):
        raise exc


def _page(
    title: str, content: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    return HTMLResponse(
        f"<!doctype html>\n<html lang=en><meta charset=utf-8><title>{title}</title>"
        "<meta name=viewport content='width=device-width'>"
        f"<style>{_STYLE}</style>\n<h1>{title}</h1>\n{content}\n</html>\n",
        status,
        headers={"Content-Security-Policy": _POLICY, **(headers or {})},
    )
