"""Swagger UI and ReDoc, from files of an installed package: they work without internet access."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from app.api.cookies import CSRF_HEADER
from app.core.errors import ConfigurationError

_PACKAGE = "fastapi_offline"
_ASSETS = "/docs/assets"
# Scripts run from this origin only (and the few inline ones of the two pages); whatever the
# bundles would fetch from elsewhere, such as a logo, is not asked for.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
# Whoever is signed in may also try out what changes something (see `cookies`). Only an object of
# code can tell Swagger UI so, and FastAPI's page takes only JSON.
_UI = "SwaggerUIBundle({"
_SAYS_OWN_PAGE = f"""{_UI}
    requestInterceptor: request => {{
        request.headers["{CSRF_HEADER}"] = "docs"
        return request
    }},"""
_FOREIGN = re.compile(r"<link[^>]+https://[^>]*>")


def install(app: FastAPI) -> None:
    """Serve `/docs`, `/redoc` and what they load."""
    app.mount(_ASSETS, StaticFiles(directory=_directory()), name="docs-assets")

    async def swagger(_request: object) -> HTMLResponse:
        return _page(
            get_swagger_ui_html(
                openapi_url="/openapi.json",
                title=f"{app.title}: API",
                swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
                swagger_css_url=f"{_ASSETS}/swagger-ui.css",
                swagger_favicon_url=f"{_ASSETS}/favicon.png",
                # The validator is a service elsewhere.
                swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": True},
            )
        )

    async def redoc(_request: object) -> HTMLResponse:
        return _page(
            get_redoc_html(
                openapi_url="/openapi.json",
                title=f"{app.title}: API",
                redoc_js_url=f"{_ASSETS}/redoc.standalone.js",
                redoc_favicon_url=f"{_ASSETS}/favicon.png",
                with_google_fonts=False,
            )
        )

    for path, page in (("/docs", swagger), ("/redoc", redoc)):
        app.add_route(path, page, include_in_schema=False)
        app.add_route(f"{path}/", page, include_in_schema=False)


def _page(page: HTMLResponse) -> HTMLResponse:
    html = _FOREIGN.sub("", bytes(page.body).decode()).replace(_UI, _SAYS_OWN_PAGE)
    return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})


def _directory() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The files of Swagger UI and ReDoc are missing; run: pip install -r requirements.txt"
        )
    return Path(spec.origin).parent / "static"
