"""Sensitive arguments over HTTP and in workers: the task gets them, and nobody is shown them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from app.core.config import Settings
from app.testing.pytest import tasks as tasks  # the fixture
from tests.support.api import Api, create, events_of, new_task, problem_of
from tests.support.databases import on_sqlite
from tests.support.world import World

if TYPE_CHECKING:
    from app.testing.system import TaskSystem

pytestmark = pytest.mark.usefixtures("no_feeder")

TASKS, SCHEDULES = "/api/v1/tasks/", "/api/v1/schedules/"
PAY, DIAL = "tests.support.tasks.pay", "tests.support.tasks.dial"
CARD, PIN = "4111-1111-1111-1111", 4711
GIVEN: dict[str, Any] = {"celery_task_name": PAY, "args": [1, CARD], "kwargs": {"pin": PIN}}
MASKED = ([1, "***"], {"pin": "***"})
REPORTS = ["tasks:read", "tasks:write", "tasks:report"]


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    return await api.as_user("bob@example.org", scopes=REPORTS)


def given(shown: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    return shown["args"], shown["kwargs"]


def kept(world: World, task: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    row = world.row(uuid.UUID(task["id"]))
    return row.args, row.kwargs


def finish(world: World, task: dict[str, Any]) -> None:
    task_id = uuid.UUID(task["id"])
    world.mark(task_id)
    world.claim(world.pair(task_id))
    world.settle(world.pair(task_id))


async def test_nobody_is_shown_a_sensitive_argument_and_the_task_gets_it(
    api: Api, client: httpx2.AsyncClient, world: World
) -> None:
    task = await create(client, **GIVEN)
    path = TASKS + task["id"]
    assert given(task) == MASKED
    operator = await api.as_user("op@example.org", role="operator")
    for reader in (client, operator):
        assert given((await reader.get(path)).json()) == MASKED
        (listed,) = (await reader.get(TASKS)).json()
        assert given(listed) == MASKED
    async with client.stream("GET", f"{path}/events") as answer:
        async for _, told in events_of(answer):
            assert given(told) == MASKED
            break
    assert given((await client.patch(path, json={"name": "other"})).json()) == MASKED
    preview = await client.post(f"{TASKS}bulk/cancel", json={"ids": [task["id"]], "dry_run": True})
    assert CARD not in preview.text
    assert kept(world, task) == ([1, CARD], {"pin": PIN})


async def test_monitors_are_not_shown_it_either(client: httpx2.AsyncClient, world: World) -> None:
    await create(client, **GIVEN)
    world.feed()
    (message,) = world.messages()
    headers = message["headers"]
    assert (headers["argsrepr"], headers["kwargsrepr"]) == ("[1, '***']", "{'pin': '***'}")
    assert CARD not in json.dumps(message)


@on_sqlite
async def test_of_a_function_that_is_gone_nothing_is_shown(
    client: httpx2.AsyncClient, world: World
) -> None:
    task = await create(client, **GIVEN)
    world.force(uuid.UUID(task["id"]), celery_task_name="shop.gone")
    shown = (await client.get(TASKS + task["id"])).json()
    assert given(shown) == (["***", "***"], {"pin": "***"})


@on_sqlite
async def test_the_function_says_so(client: httpx2.AsyncClient) -> None:
    types = (await client.get("/api/v1/task-types")).json()
    (found,) = [each for each in types if each["name"] == PAY]
    properties = found["parameters"]["properties"]
    assert {name for name, each in properties.items() if each.get("writeOnly")} == {"card", "pin"}
    assert properties["card"]["format"] == "password"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, ([1, CARD], {"pin": PIN})),
        ({"args": [2, "***"], "kwargs": {"pin": "***"}}, ([2, CARD], {"pin": PIN})),
        ({"args": [2], "kwargs": {"card": "***"}}, ([2], {"card": CARD})),
        ({"args": [2, "5500-0000"]}, ([2, "5500-0000"], {"pin": PIN})),
    ],
)
async def test_a_retry_has_the_true_values_and_a_mask_keeps_them(
    client: httpx2.AsyncClient, world: World, body: Any, expected: Any
) -> None:
    task = await create(client, **GIVEN)
    finish(world, task)
    answer = await client.post(f"{TASKS}{task['id']}/retry", json=body)
    assert answer.status_code == 201, answer.text
    assert CARD not in answer.text
    assert kept(world, answer.json()) == expected


@on_sqlite
async def test_a_mask_is_no_value_of_a_new_task(client: httpx2.AsyncClient) -> None:
    body = new_task(**{**GIVEN, "args": [1, "***"]})
    problem = problem_of(await client.post(TASKS, json=body), 422)
    assert [error["loc"] for error in problem["errors"]] == [["body", "args", 1]]
    problem = problem_of(await client.post(f"{TASKS}bulk", json={"tasks": [body]}), 422)
    assert [error["loc"] for error in problem["errors"]] == [["body", "tasks", 0, "args", 1]]


async def test_a_schedule_keeps_them_when_it_is_changed(
    client: httpx2.AsyncClient, world: World
) -> None:
    body = {"name": "pay", "kind": "interval", "interval_seconds": 3600, **GIVEN}
    made = (await client.post(SCHEDULES, json=body)).json()
    path = SCHEDULES + made["id"]
    assert given(made) == MASKED
    changed = await client.patch(path, json={"args": [2, "***"], "kwargs": {"pin": "***"}})
    assert given(changed.json()) == ([2, "***"], {"pin": "***"})
    assert given((await client.get(path)).json()) == ([2, "***"], {"pin": "***"})
    ran = await client.post(f"{path}/run")
    assert kept(world, ran.json()) == ([2, CARD], {"pin": PIN})
    # Another function might show them.
    other = {"celery_task_name": "tests.support.tasks.echo", "args": []}
    problem = problem_of(await client.patch(path, json=other), 422)
    assert [error["loc"] for error in problem["errors"]] == [["body", "kwargs"]]
    assert (await client.patch(path, json={**other, "kwargs": {}})).status_code == 200
    back = {"celery_task_name": PAY, "args": [2, "***"]}
    problem_of(await client.patch(path, json=back), 422)


async def test_who_executes_a_task_gets_them_and_cannot_tell_them(
    client: httpx2.AsyncClient,
) -> None:
    task = await create(client, **GIVEN)
    path = TASKS + task["id"]
    claimed = (await client.patch(path, json={"status": "running"})).json()
    assert given(claimed) == ([1, CARD], {"pin": PIN})
    assert set(claimed) == set(task)
    told = {"attempt": 1, "progress_message": f"charging {CARD}"}
    assert (await client.patch(path, json=told)).json()["progress_message"] == "charging ***"
    error = {"type": "Refused", "message": f"{CARD}!", "traceback": f"card={CARD!r}"}
    failed = {"attempt": 1, "status": "failed", "error": error}
    answer = await client.patch(path, json=failed)
    assert answer.json()["error"]["message"] == "***!"
    assert CARD not in answer.text


def test_what_a_task_tells_does_not_tell_them(
    tasks: TaskSystem, caplog: pytest.LogCaptureFixture
) -> None:
    assert tasks.run(PAY, [1, CARD]).result == 1
    failed = tasks.run(PAY, [1, CARD], {"pin": PIN, "tell": True})
    assert failed.progress_message == "charging ***"
    assert tasks.logs(failed.id) == ["card '***', pin ***"]
    assert failed.error is not None
    assert failed.error.message == "*** was refused, pin ***"
    assert failed.error.traceback is not None
    assert "raise ValueError" in failed.error.traceback
    assert CARD not in failed.error.traceback
    # What Celery's tracer logs of it.
    traced = [each for each in caplog.records if each.name == "celery.app.trace"]
    assert traced
    assert CARD not in "".join(f"{each.getMessage()} {each.exc_info}" for each in traced)
    # The author of a test sees what was submitted.
    tasks.assert_submitted(PAY, args=[1, CARD])


def test_what_looks_like_a_secret_is_told_by_no_task_either(
    tasks: TaskSystem, caplog: pytest.LogCaptureFixture
) -> None:
    """It is declared nowhere: a password in an address is known by how it looks."""
    failed = tasks.run(DIAL, ["redis://:hunter2@db:6379/0"])
    assert failed.progress_message == "dialling redis://:***@db:6379/0"
    assert tasks.logs(failed.id) == ["dialling redis://:***@db:6379/0"]
    assert failed.error is not None
    assert failed.error.message == "redis://:***@db:6379/0 does not answer"
    assert failed.error.traceback is not None
    assert "raise ConnectionError" in failed.error.traceback
    assert "hunter2" not in failed.error.traceback
    traced = [each for each in caplog.records if each.name == "celery.app.trace"]
    assert traced
    assert "hunter2" not in "".join(f"{each.getMessage()} {each.exc_info}" for each in traced)


async def test_nor_by_who_executes_one(client: httpx2.AsyncClient) -> None:
    path = TASKS + (await create(client))["id"]
    assert (await client.patch(path, json={"status": "running"})).status_code == 200
    told = {"attempt": 1, "progress_message": "with password=hunter2, so far"}
    shown = (await client.patch(path, json=told)).json()
    assert shown["progress_message"] == "with password=***, so far"
    away = "amqp://me:hunter2@mq/ is away"
    error = {"type": "Away", "message": away, "traceback": "token: hunter2"}
    failed = {"attempt": 1, "status": "failed", "error": error}
    answer = await client.patch(path, json=failed)
    assert answer.json()["error"]["message"] == "amqp://me:***@mq/ is away"
    assert "hunter2" not in answer.text


async def test_an_error_of_the_database_does_not_tell_them(
    client: httpx2.AsyncClient, settings: Settings, world: World
) -> None:
    """SQLAlchemy would write every parameter of the statement into its message."""
    from sqlalchemy.exc import DBAPIError

    from app.queries import tasks as queries

    row = world.row(uuid.UUID((await create(client, **GIVEN))["id"]))
    again = {column: getattr(row, column) for column in row._fields}
    with pytest.raises(DBAPIError) as refused:
        world.database.execute(queries.insert_tasks([again]))
    assert CARD not in str(refused.value)
    assert CARD not in (Path(settings.log_dir) / "app.log").read_text()
