"""What the API answers while its database or its broker is away, and that it comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from app.core.config import Settings
from app.core.errors import ConfigurationError
from app.db.session import read_session
from tests.support.api import Api, create, eventually, new_task, problem_of, serving
from tests.support.broker import Broker
from tests.support.chaos.proxy import TcpProxy
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.environment import use_settings
from tests.support.postgres import Postgres

TASKS = "/api/v1/tasks/"
# Connections of the API for reads: the pool's and those above it.
POOLED = 20


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
    sent: list[float] = []

    async def note(event: str, _info: object) -> None:
        if event == "http11.send_request_headers.complete":
            sent.append(time.monotonic())

    answer = await client.request(method, path, json=body or None, extensions={"trace": note})
    # From when the server can know of it: the client's own sixty connections are made by the same
    # process, and a machine without time for that says nothing about the server.
    assert time.monotonic() - sent.pop() < 3
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


@pytest.fixture
async def behind_a_line(
    clean_settings: pytest.MonkeyPatch, settings: Settings, postgres: Postgres
) -> AsyncIterator[tuple[Api, TcpProxy]]:
    """The API with a line to its database that can be cut."""
    with TcpProxy("127.0.0.1", postgres.port) as line:
        url = settings.resolved_database_url.replace(f":{postgres.port}/", f":{line.port}/")
        use_settings(clean_settings, database_url=url)
        async with serving() as api:
            yield api, line
            line.pass_()


@on_postgresql
async def test_a_line_that_swallows_everything_is_503_and_comes_back(
    behind_a_line: tuple[Api, TcpProxy],
) -> None:
    api, line = behind_a_line
    client = await api.as_user()
    await create(client)
    line.blackhole()
    for _ in range(2):
        asked = [_unavailable(client, "POST", TASKS, **new_task()) for _ in range(25)]
        await asyncio.gather(*asked, _unavailable(client, "GET", TASKS))
    line.pass_()

    async def answers() -> bool:
        return (await client.get(TASKS)).status_code == 200

    await eventually(answers, within=3, what="it serves again")
    assert (await client.post(TASKS, json=new_task())).status_code == 201


@on_postgresql
async def test_slow_statements_add_up_to_one_deadline(
    behind_a_line: tuple[Api, TcpProxy],
) -> None:
    """Each of them is in time; the request is not."""
    api, line = behind_a_line
    client = await api.as_user()
    parent = await create(client)
    line.delay(0.6)
    await _unavailable(client, "POST", TASKS, **new_task(parent_id=parent["id"]))
    line.delay(0.05)
    assert (await client.post(TASKS, json=new_task())).status_code == 201


@on_postgresql
async def test_an_idle_api_serves_its_first_request_after_a_restart_of_the_database(
    api: Api, postgres: Postgres
) -> None:
    client = await api.as_user()
    await asyncio.gather(*(create(client) for _ in range(8)))
    postgres.stop()
    postgres.start()
    assert (await client.post(TASKS, json=new_task())).status_code == 201
    assert (await client.get(TASKS)).status_code == 200


@on_postgresql
async def test_a_locked_table_is_503_for_many_at_once_and_comes_back(
    api: Api, settings: Settings
) -> None:
    """More requests than the pool has connections: some wait for those."""
    client = await api.as_user()
    await create(client)
    with psycopg.connect(settings.resolved_database_url) as other:
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        asked = [_unavailable(client, "POST", TASKS, **new_task()) for _ in range(60)]
        await asyncio.gather(*asked)
        other.rollback()
    answers = await asyncio.gather(*(client.post(TASKS, json=new_task()) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {201}


@on_postgresql
async def test_a_lock_that_is_short_is_waited_for(api: Api, settings: Settings) -> None:
    client = await api.as_user()
    await create(client)
    with psycopg.connect(settings.resolved_database_url) as other:
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(client.post(TASKS, json=new_task()))
        await asyncio.sleep(1)  # how long it is locked
        other.rollback()
    assert (await asking).status_code == 201


@on_sqlite
async def test_a_slow_upload_is_the_clients_own_time(api: Api) -> None:
    client = await api.as_user()
    body = json.dumps(new_task()).encode()

    async def slowly() -> AsyncIterator[bytes]:
        for piece in (body[:10], body[10:20], body[20:]):
            yield piece
            await asyncio.sleep(1.6)  # how slow it is

    answer = await client.post(
        TASKS, content=slowly(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201


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


async def test_it_stays_ready_while_all_its_connections_are_in_use(api: Api) -> None:
    """A load balancer that left it out would put its load on the others, until none is left."""
    async with contextlib.AsyncExitStack() as held:
        for _ in range(POOLED):
            db = await held.enter_async_context(read_session())
            await db.execute(text("SELECT 1"))
        ready = await api.stranger.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["checks"]["workers"]["detail"].endswith("it is busy")


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


@pytest.mark.parametrize(("revision", "code"), [("20991231_later", 200), ("2_20991231_later", 503)])
async def test_another_schema_is_named_by_ready(
    api: Api, settings: Settings, revision: str, code: int
) -> None:
    await _set_revision(settings.resolved_database_url, revision)
    ready = await api.stranger.get("/health/ready")
    assert ready.status_code == code
    assert revision in ready.json()["checks"]["database"]["detail"]


async def test_a_newer_schema_is_refused_by_name_at_the_start(settings: Settings) -> None:
    from app.main import create_app

    await _set_revision(settings.resolved_database_url, "2_20991231_later")
    app = create_app()
    with pytest.raises(ConfigurationError, match="2_20991231_later"):
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
