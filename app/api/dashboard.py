"""The page: files that `dashboard/` is built into, and the one document that loads them.

Which screen is shown is the page's own matter: every address below `/ui` gets the same document. The
styles that its components make at run time are let in by a nonce, new in each answer; scripts only as
files of this origin.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from html import escape
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from app.core.config import get_settings

BUILT = Path(__file__).resolve().parent.parent / "static" / "dist"
HOME = "/ui/"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
# What the builder writes into the document for us to fill in.
_NONCE = '<meta name="csp-nonce" content=""'
_FLOWER = '<meta name="flower" content=""'
_FLOWER_SECONDS = 0.2


def is_built() -> bool:
    """Whether there is a page to serve."""
    return (BUILT / "index.html").is_file()


def install(app: FastAPI) -> None:
    """Serve the page below `/ui`, if it is built by the time somebody asks."""
    files = StaticFiles(directory=BUILT / "assets", check_dir=False)
    app.mount("/ui/assets", _Kept(GZipMiddleware(files, minimum_size=1000)), name="page-assets")
    app.add_route("/ui", _document, include_in_schema=False)
    app.add_route("/ui/{screen:path}", _document, include_in_schema=False)


class _Kept:
    """Files whose names change with their content: browsers need not ask for them again."""

    def __init__(self, app: GZipMiddleware) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_built():
            # Starlette fails where there is no folder, rather than find nothing in it.
            raise HTTPException(404)

        async def send_kept(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                kept = (b"cache-control", b"public, max-age=31536000, immutable")
                message["headers"] = [*message["headers"], kept]
            await send(message)

        await self._app(scope, receive, send_kept)


async def _document(_request: Request) -> Response:
    try:
        text = (BUILT / "index.html").read_text()
    except OSError:
        return Response(status_code=307, headers={"Location": "/"})
    nonce = secrets.token_urlsafe(16)
    flower = await _flower()
    text = text.replace(_NONCE, _NONCE.replace('""', f'"{nonce}"'))
    text = text.replace(_FLOWER, _FLOWER.replace('""', f'"{escape(flower)}"'))
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY.format(nonce=nonce)})


async def _flower() -> str:
    """Flower's address, if it runs on this machine; `make up` has it listen there alone."""
    port = get_settings().flower_port
    try:
        async with asyncio.timeout(_FLOWER_SECONDS):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return ""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return f"http://localhost:{port}"
