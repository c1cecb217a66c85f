"""What the API answers while its database or its broker is away, and that it comes back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from sqlalchemy import create_engine, text

from app.core.config import Settings
from app.core.errors import ConfigurationError
from tests.support.api import Api, create, new_task, problem_of, serving
from tests.support.broker import Broker
from tests.support.environment import use_settings
from tests.support.postgres import Postgres

TASKS = "/api/v1/tasks/"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextlib.contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """A server whose connections stay open and say nothing."""
    assert postgres._process is not None
    server = psutil.Process(postgres._process.pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            process.resume()


async def _unavailable(client: httpx2.AsyncClient, method: str, path: str, **body: object) -> None:
    started = time.monotonic()
    answer = await client.request(method, path, json=body or None)
    assert time.monotonic() - started < 3
    assert problem_of(answer, 503)["code"] == "unavailable"
    assert int(answer.headers["retry-after"]) >= 1


@on_postgresql
async def test_a_frozen_database_is_503_within_three_seconds(api: Api, postgres: Postgres) -> None:
    client = await api.as_user()
    await create(client)
    with frozen(postgres):
        await _unavailable(client, "GET", TASKS)
        await _unavailable(client, "POST", TASKS, **new_task())
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"]["status"] == "failed"
        assert (await client.get("/health/live")).status_code == 200
    assert (await client.get(TASKS)).status_code == 200
    assert (await client.post(TASKS, json=new_task())).status_code == 201


@on_postgresql
async def test_a_database_that_is_gone_is_503_and_comes_back(api: Api, postgres: Postgres) -> None:
    client = await api.as_user()
    task = await create(client)
    postgres.stop()
    try:
        await _unavailable(client, "GET", TASKS + task["id"])
        await _unavailable(client, "POST", TASKS, **new_task())
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "failed")
        assert ready.json()["reasons"]
    finally:
        postgres.start()
    assert (await client.get(TASKS + task["id"])).status_code == 200
    assert (await client.post(TASKS, json=new_task())).status_code == 201


@on_sqlite
async def test_a_locked_database_is_503_for_writers_only(api: Api, settings: Settings) -> None:
    client = await api.as_user()
    await create(client)
    path = settings.resolved_database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await _unavailable(client, "POST", TASKS, **new_task())
        assert len((await client.get(TASKS)).json()) == 1
    assert (await client.post(TASKS, json=new_task())).status_code == 201


async def test_a_broker_outage_is_degraded_and_no_error_of_a_submission(
    api: Api, broker: Broker
) -> None:
    client = await api.as_user()
    broker.kill()
    try:
        started = time.monotonic()
        for _ in range(5):
            await create(client)
        assert time.monotonic() - started < 2
        ready = await api.stranger.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert any("broker" in reason for reason in ready.json()["reasons"])
    finally:
        broker.start()


async def _set_revision(url: str, revision: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


async def test_another_schema_is_named_by_ready(api: Api, settings: Settings) -> None:
    await _set_revision(settings.resolved_database_url, "20991231_later")
    ready = await api.stranger.get("/health/ready")
    assert ready.status_code == 503
    assert "20991231_later" in ready.json()["checks"]["database"]["detail"]


async def test_a_newer_schema_is_refused_by_name_at_the_start(settings: Settings) -> None:
    from app.main import create_app

    await _set_revision(settings.resolved_database_url, "20991231_later")
    app = create_app()
    with pytest.raises(ConfigurationError, match="20991231_later"):
        async with app.router.lifespan_context(app):
            pytest.fail("it started")


async def test_in_production_an_old_schema_is_named_and_not_touched(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path, broker_url: str
) -> None:
    from app import main

    use_settings(
        clean_settings,
        app_env="production",
        secret_key="x" * 32,
        flower_password="not the default",
        database_url=f"sqlite:///{tmp_path / 'empty.db'}",
        celery_broker_url=broker_url,
        log_dir=tmp_path / "logs",
    )
    clean_settings.setattr(main, "START_PATIENCE_SECONDS", 0.2)
    async with serving() as api:
        ready = await api.stranger.get("/health/ready")
        assert ready.status_code == 503
        assert "taskctl migrate" in ready.json()["checks"]["database"]["detail"]
        assert (await api.stranger.get("/health/live")).status_code == 200
