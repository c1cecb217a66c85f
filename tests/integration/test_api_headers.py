"""What answers tell browsers: no framing, no guessing of types, no copies, and over TLS only TLS."""

from __future__ import annotations

import contextlib
import sqlite3

import httpx2
import pytest
from starlette.requests import Request
from starlette.routing import Route

from app.api.routing import MAX_BODY_BYTES
from app.core.config import Settings
from tests.support.api import Api, create, new_task, problem_of
from tests.support.databases import on_sqlite
from tests.support.environment import use_settings

pytestmark = on_sqlite

TASKS = "/api/v1/tasks/"
OVER_TLS = {"X-Forwarded-Proto": "https"}
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


async def answers(api: Api) -> dict[str, httpx2.Response]:
    client = await api.as_user()
    return {
        "a list": await client.get("/api/v1/tasks/"),
        "a refusal": await api.stranger.get("/api/v1/tasks/"),
        "nothing there": await api.stranger.get("/nowhere"),
        "health": await api.stranger.get("/health/live"),
        "the description": await api.stranger.get("/openapi.json"),
        "docs": await api.stranger.get("/docs"),
        "redoc": await api.stranger.get("/redoc"),
        "metrics": await client.get("/metrics"),
    }


async def test_every_answer_has_them(api: Api) -> None:
    for what, answer in (await answers(api)).items():
        found = {name: answer.headers[name] for name in EVERYWHERE}
        assert found == EVERYWHERE, what
        assert answer.headers["cache-control"] == "no-store", what


async def test_json_is_no_page(api: Api) -> None:
    for what, answer in (await answers(api)).items():
        policy = answer.headers.get("content-security-policy", "")
        if "json" in answer.headers["content-type"]:
            assert policy == "default-src 'none'; frame-ancestors 'none'", what
        elif what in ("docs", "redoc"):
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'self'" in policy


async def test_only_over_tls_it_says_that_there_is_tls(api: Api) -> None:
    hsts = "strict-transport-security"
    client = await api.as_user()
    for path in ("/api/v1/tasks/", "/docs", "/nowhere"):
        assert hsts not in (await client.get(path)).headers
        assert "max-age=" in (await client.get(path, headers=OVER_TLS)).headers[hsts]


async def _break_down(_request: Request) -> None:
    raise RuntimeError("as planned")


@pytest.mark.usefixtures("no_feeder")
async def test_refusals_and_failures_have_them_whoever_answers(
    api: Api, settings: Settings, clean_settings: pytest.MonkeyPatch
) -> None:
    """Some are answered outside of what answers the rest."""
    client = await api.as_user()
    client.headers.update(OVER_TLS)
    found: dict[int, httpx2.Response] = {}
    api.app.router.routes.insert(0, Route("/break-down", _break_down))
    found[500] = await client.get("/break-down")
    large = b" " * (MAX_BODY_BYTES + 1)
    as_json = {"Content-Type": "application/json"}
    found[413] = await client.post(TASKS, content=large, headers=as_json)
    path = settings.resolved_database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        found[503] = await client.post(TASKS, json=new_task())
    use_settings(clean_settings, submissions_per_minute=1)
    await create(client)
    found[429] = await client.post(TASKS, json=new_task())
    for status, answer in found.items():
        problem_of(answer, status)
        given = {name: answer.headers[name] for name in EVERYWHERE}
        assert given == EVERYWHERE, status
        assert answer.headers["cache-control"] == "no-store", status
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], status
        assert "max-age=" in answer.headers["strict-transport-security"], status
