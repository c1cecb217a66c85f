"""Queues, workers, metrics and the API's own pages."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import dispatch
from app.core.config import Settings
from tests.support.api import Api, create, eventually, problem_of, serving
from tests.support.databases import on_postgresql
from tests.support.environment import use_settings

QUEUES = "/api/v1/queues"


@pytest.fixture
async def operator(api: Api) -> httpx2.AsyncClient:
    """Somebody who may hold queues back."""
    return await api.as_user("op@example.org", role="operator")


async def _dispatched(client: httpx2.AsyncClient, number: int) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            queue: dict[str, Any] = (await client.get(f"{QUEUES}/default")).json()
            if queue["dispatched"] == number:
                return queue
            await asyncio.sleep(0.05)


async def test_a_queue_shows_what_waits_in_it(operator: httpx2.AsyncClient) -> None:
    for priority in (4, 2, 2, 1):
        await create(operator, priority=priority)
    await create(operator, scheduled_at="2100-01-01T00:00:00Z")
    (queue,) = [q for q in (await operator.get(QUEUES)).json() if q["name"] == "default"]
    assert (queue["depth"], queue["scheduled"], queue["running"]) == (4, 1, 0)
    assert queue["depth_by_priority"] == {"critical": 1, "high": 0, "normal": 2, "low": 1}
    assert queue["oldest_wait_seconds"] >= 0
    assert (queue["paused"], queue["workers"]) == (False, 0)


async def test_pausing_takes_the_hints_back_and_resuming_gives_them_out(
    operator: httpx2.AsyncClient,
) -> None:
    task = await create(operator)
    await _dispatched(operator, 1)
    before = (await operator.get(f"/api/v1/tasks/{task['id']}")).json()
    paused = (await operator.post(f"{QUEUES}/default/pause")).json()
    assert (paused["paused"], paused["paused_by"]) == (True, "op@example.org")
    assert (paused["depth"], paused["dispatched"]) == (1, 0)
    after = (await operator.get(f"/api/v1/tasks/{task['id']}")).json()
    assert after["celery_id"] != before["celery_id"]  # the old hint loses at the claim
    await create(operator)
    await asyncio.to_thread(dispatch.flush, 5)
    again = (await operator.post(f"{QUEUES}/default/pause")).json()
    assert (again["paused_at"], again["dispatched"]) == (paused["paused_at"], 0)
    resumed = (await operator.post(f"{QUEUES}/default/resume")).json()
    assert (resumed["paused"], resumed["paused_at"]) == (False, None)
    assert (await _dispatched(operator, 2))["depth"] == 2


@on_postgresql
async def test_pausing_goes_on_when_a_claim_locks_the_same_tasks_the_other_way_round(
    operator: httpx2.AsyncClient, settings: Settings
) -> None:
    first, second = await create(operator, priority=4), await create(operator, priority=1)
    await _dispatched(operator, 2)
    locked = "SELECT 1 FROM tasks WHERE id = %s FOR UPDATE"
    async with await psycopg.AsyncConnection.connect(settings.resolved_database_url) as claim:
        await claim.execute(locked, [second["id"]])
        pausing = asyncio.create_task(operator.post(f"{QUEUES}/default/pause"))
        await eventually(
            lambda: _waits_for_a_lock(settings), within=2, what="the pause waits for the claim"
        )
        # PostgreSQL ends whoever has waited longer: the pause.
        await claim.execute(locked, [first["id"]])
        await claim.commit()
    paused = (await pausing).json()
    assert (paused["paused"], paused["dispatched"]) == (True, 0)


async def _waits_for_a_lock(settings: Settings) -> bool:
    async with await psycopg.AsyncConnection.connect(settings.resolved_database_url) as looking:
        found = await looking.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        row = await found.fetchone()
        return bool(row and row[0])


async def test_an_unknown_queue_is_404(operator: httpx2.AsyncClient) -> None:
    for method, path in [("GET", ""), ("POST", "/pause"), ("POST", "/resume")]:
        answer = await operator.request(method, f"{QUEUES}/nowhere{path}")
        assert "default" in problem_of(answer, 404)["detail"]


async def test_metrics_are_prometheus_text(operator: httpx2.AsyncClient) -> None:
    await create(operator, priority=3)
    answer = await operator.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert "tasksystem_http_requests" in families
    assert "tasksystem_queue_waiting" in families


async def test_workers_start_empty(operator: httpx2.AsyncClient) -> None:
    assert (await operator.get("/api/v1/workers")).json() == []


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/", "/redoc/"])
async def test_the_pages_run_scripts_of_this_server_only(api: Api, path: str) -> None:
    page = await api.stranger.get(path)
    assert page.status_code == 200
    assert "https://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http:" not in policy


async def test_answers_tell_browsers_to_be_careful(api: Api) -> None:
    headers = (await api.stranger.get("/health/live")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


async def test_no_foreign_origin_is_allowed_unless_it_is_named(api: Api) -> None:
    answer = await api.stranger.get("/health/live", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_named_origin_may_read_what_it_needs(
    settings: Settings, clean_settings: pytest.MonkeyPatch
) -> None:
    origin = "https://shop.example"
    use_settings(clean_settings, cors_origins=origin)
    async with serving() as api:
        asked = await api.stranger.options(
            "/api/v1/tasks/",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,idempotency-key",
            },
        )
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == origin
        refused = await api.stranger.get("/api/v1/tasks/", headers={"Origin": origin})
        assert problem_of(refused, 401)
        assert refused.headers["access-control-allow-origin"] == origin
        assert "X-Request-ID" in refused.headers["access-control-expose-headers"]
