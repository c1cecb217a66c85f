"""The task endpoints: create, list, count, change, cancel, delete, retry, attempts, logs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert

from app.models import TaskAttempt
from tests.support.api import Api, create, new_task, problem_of
from tests.support.world import World

TASKS = "/api/v1/tasks/"
REPORTS = ["tasks:read", "tasks:write", "tasks:report"]
FIELDS = {
    *("id", "name", "task_type", "celery_task_name", "args", "kwargs", "queue", "priority"),
    *("status", "reason", "progress", "progress_message", "result", "error", "celery_id"),
    *("attempt", "tries", "max_attempts", "time_limit", "soft_time_limit", "user_id"),
    *("owner_ref", "parent_id", "subtasks", "depends_on", "tags", "limit_key"),
    *("scheduled_at", "expires_at"),
    *("created_at", "dispatched_at", "started_at", "completed_at", "updated_at"),
    *("cancel_requested_at", "retry_of", "worker", "version"),
}


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    """A user who may also report."""
    return await api.as_user("bob@example.org", scopes=REPORTS)


async def _claimed(client: httpx2.AsyncClient, **changes: Any) -> str:
    """The path of a task that this client executes itself."""
    task = await create(client, scheduled_at="2100-01-01T00:00:00Z", **changes)
    path = f"{TASKS}{task['id']}"
    assert (await client.patch(path, json={"status": "running"})).status_code == 200
    return path


async def _finished(client: httpx2.AsyncClient, **report: Any) -> str:
    path = await _claimed(client)
    done = await client.patch(path, json={"attempt": 1, "status": "succeeded", **report})
    assert done.status_code == 200, done.text
    return path


def _ids(tasks: Iterable[dict[str, Any]]) -> list[str]:
    return [task["id"] for task in tasks]


@pytest.mark.parametrize("path", ["/api/v1/tasks/", "/api/v1/tasks"])
async def test_create_answers_the_whole_task_with_and_without_slash(
    client: httpx2.AsyncClient, path: str
) -> None:
    body = new_task(kwargs={"param": "value"}, tags=["a", "b"], owner_ref="order 17", priority=4)
    answer = await client.post(path, json=body)
    task = answer.json()
    assert answer.status_code == 201
    assert set(task) == FIELDS
    assert {name: task[name] for name in body} == body
    assert (task["status"], task["queue"], task["attempt"], task["version"]) == (
        *("pending", "default", 0),
        task["version"],
    )
    assert answer.headers["location"] == f"/api/v1/tasks/{task['id']}"
    assert task["id"][14] == "7"  # UUIDv7
    for at in ("", "/"):
        assert (await client.get(f"/api/v1/tasks/{task['id']}{at}")).json()["id"] == task["id"]


async def test_times_are_answered_in_utc(client: httpx2.AsyncClient) -> None:
    task = await create(client, scheduled_at="2100-01-01T08:00:00+08:00")
    assert task["scheduled_at"] == "2100-01-01T00:00:00Z"
    assert task["dispatched_at"] is None


async def test_the_same_key_and_body_give_the_first_task(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = await client.post(TASKS, json=new_task(), headers=headers)
    again = await client.post(TASKS, json=new_task(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await client.post(TASKS, json=new_task(name="Other"), headers=headers)
    assert problem_of(other, 422)["code"] == "idempotency_key_reused"


async def test_one_key_sent_many_times_at_once_makes_one_task(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(client.post(TASKS, json=new_task(), headers=headers) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await client.get(f"{TASKS}count")).json()["total"] == 1


async def test_filters(client: httpx2.AsyncClient) -> None:
    first = await create(client, name="50% off", tags=["a"], priority=1)
    second = await create(client, name="plain", task_type="mail", owner_ref="x", tags=["a", "b"])
    child = await create(client, name="child_1", parent_id=first["id"], task_type="mail")
    cases: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({}, [child, second, first]),
        ({"order_desc": "false"}, [first, second, child]),
        ({"tag": "a"}, [second, first]),
        ({"tag": "b"}, [second]),
        ({"q": "0% O"}, [first]),
        ({"q": "d_1"}, [child]),
        ({"q": "_"}, [child]),
        ({"task_type": "mail"}, [child, second]),
        ({"task_type": "mail", "tag": "a"}, [second]),
        ({"priority": 1}, [first]),
        ({"owner_ref": "x"}, [second]),
        ({"parent_id": first["id"]}, [child]),
        ({"queue": "default", "status": ["pending", "running"]}, [child, second, first]),
        ({"status": "failed"}, []),
        ({"created_after": second["created_at"]}, [child, second]),
        ({"created_before": second["created_at"]}, [first]),
        ({"order_by": "name"}, [second, child, first]),
        ({"skip": 1, "limit": 1}, [second]),
    ]
    for query, expected in cases:
        answer = await client.get(TASKS, params=query)
        assert _ids(answer.json()) == _ids(expected), query
    for query, expected in cases:
        if {"order_by", "order_desc", "skip"} & set(query):
            continue
        count = (await client.get(f"{TASKS}count", params=query)).json()
        assert count["total"] == len(expected), query
        assert count["total"] == sum(v for k, v in count.items() if k != "total")


@pytest.mark.parametrize("order_by", ["created_at", "updated_at", "priority", "name", "status"])
@pytest.mark.parametrize("desc", ["true", "false"])
async def test_following_the_links_visits_every_task_once(
    client: httpx2.AsyncClient, order_by: str, desc: str
) -> None:
    made = [await create(client, name=f"n{i % 2}", priority=1 + i % 3) for i in range(7)]
    url = f"{TASKS}?limit=3&order_by={order_by}&order_desc={desc}&include_total=true"
    seen: list[dict[str, Any]] = []
    while url:
        answer = await client.get(url)
        assert answer.headers["x-total-count"] == "7"
        seen += answer.json()
        match = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        url = match[1] if match else ""
        if len(seen) == 3:
            await create(client, name="later", tags=["other"])  # belongs on the first page
            await client.delete(f"{TASKS}{(await client.get(TASKS)).json()[0]['id']}")
    assert sorted(_ids(seen)) == sorted(_ids(made))
    keys = [task[order_by] for task in seen]
    assert keys == sorted(keys, reverse=desc == "true")


async def test_a_cursor_belongs_to_its_order(client: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await create(client)
    link = (await client.get(f"{TASKS}?limit=1")).headers["link"]
    cursor = re.search(r"cursor=([^&>]+)", link)
    assert cursor
    for query in ({"order_by": "name"}, {"order_desc": "false"}, {"skip": "1"}):
        answer = await client.get(TASKS, params={"cursor": cursor[1], **query})
        problem_of(answer, 422)


async def test_an_owner_edits_a_pending_task(client: httpx2.AsyncClient) -> None:
    task = await create(client, scheduled_at="2100-01-01T00:00:00Z", tags=["old"])
    changes = {"name": "New", "tags": ["n"], "priority": 4, "scheduled_at": "2101-01-01T00:00:00Z"}
    edited = (await client.patch(f"{TASKS}{task['id']}", json=changes)).json()
    assert {name: edited[name] for name in changes} == changes
    assert edited["version"] > task["version"]
    assert (await client.get(TASKS, params={"tag": "old"})).json() == []
    assert _ids((await client.get(TASKS, params={"tag": "n"})).json()) == [task["id"]]


async def test_if_match_refuses_another_version(client: httpx2.AsyncClient) -> None:
    task = await create(client, scheduled_at="2100-01-01T00:00:00Z")
    path, right = f"{TASKS}{task['id']}", {"If-Match": f'"{task["version"]}"'}
    assert (await client.patch(path, json={"name": "a"}, headers=right)).status_code == 200
    for body in ({"name": "b"}, {"status": "revoked"}, {"status": "running"}):
        problem_of(await client.patch(path, json=body, headers=right), 412)
    assert (await client.get(path)).json()["name"] == "a"


async def test_patches_that_make_no_sense_are_refused(client: httpx2.AsyncClient) -> None:
    path = await _claimed(client)
    for body, status in [
        ({}, 422),
        ({"name": None}, 422),
        ({"name": "a", "status": "revoked"}, 422),
        ({"name": "a", "progress": 5}, 422),
        ({"progress": 5}, 422),
        ({"attempt": 1, "progress": 101}, 422),
        ({"attempt": 1, "result": 1}, 422),
        ({"attempt": 0, "progress": 1}, 422),
        ({"status": "done"}, 422),
        ({"status": "pending"}, 409),
        ({"status": "running"}, 409),
        ({"priority": 3}, 409),
        ({"attempt": 2, "progress": 5}, 409),
    ]:
        answer = await client.patch(path, json=body)
        assert answer.status_code == status, (body, answer.text)
        problem_of(answer, status)


async def test_an_executor_claims_reports_and_finishes(client: httpx2.AsyncClient) -> None:
    path = await _claimed(client)
    half = await client.patch(
        path, json={"attempt": 1, "progress": 50, "progress_message": "half", "lease_seconds": 60}
    )
    assert (half.json()["progress"], half.json()["progress_message"]) == (50, "half")
    less = await client.patch(path, json={"attempt": 1, "progress": 40})
    assert less.json()["progress"] == 50  # never falls within an attempt
    error = {"type": "ValueError", "message": "no", "traceback": None}
    done = await client.patch(path, json={"attempt": 1, "status": "failed", "error": error})
    assert done.json()["error"] == {**error, "attempt": 1}
    late = await client.patch(path, json={"attempt": 1, "status": "succeeded"})
    problem_of(late, 409)
    (attempt,) = (await client.get(f"{path}/attempts")).json()
    assert (attempt["attempt"], attempt["outcome"]) == (1, "failed")
    assert attempt["worker"] == "external:bob@example.org"


async def test_reporting_needs_its_scope(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    task = await create(client)
    for body in ({"status": "running"}, {"attempt": 1, "progress": 5}):
        problem_of(await client.patch(f"{TASKS}{task['id']}", json=body), 403)
    reporter = await api.as_user("bob@example.org", scopes=["tasks:report", "tasks:read"])
    for body in ({"name": "x"}, {"status": "revoked"}):
        problem_of(await reporter.patch(f"{TASKS}{task['id']}", json=body), 403)


async def test_a_pending_task_is_cancelled_now_and_again(client: httpx2.AsyncClient) -> None:
    task = await create(client)
    for _ in range(2):
        answer = await client.post(f"{TASKS}{task['id']}/cancel")
        assert answer.status_code == 200
        assert answer.json()["success"] is True
        assert answer.json()["task"]["status"] == "revoked"
    patched = await client.patch(f"{TASKS}{task['id']}", json={"status": "revoked"})
    assert patched.status_code == 200


async def test_a_running_task_is_told_to_stop(client: httpx2.AsyncClient) -> None:
    path = await _claimed(client)
    answer = await client.post(f"{path}/cancel")
    assert answer.status_code == 202
    assert answer.json()["task"]["status"] == "running"
    assert answer.json()["task"]["cancel_requested_at"]


async def test_a_finished_task_cannot_be_cancelled(client: httpx2.AsyncClient) -> None:
    path = await _finished(client)
    assert problem_of(await client.post(f"{path}/cancel"), 409)["code"] == "already_finished"


async def test_delete_removes_what_does_not_run(client: httpx2.AsyncClient) -> None:
    for path in (f"{TASKS}{(await create(client))['id']}", await _finished(client)):
        answer = await client.delete(path)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        for gone in (await client.get(path), await client.delete(path)):
            problem_of(gone, 404)
    running = await _claimed(client)
    assert (await client.delete(running)).status_code == 202
    assert (await client.get(running)).status_code == 200


async def test_retry_makes_a_new_task(client: httpx2.AsyncClient) -> None:
    path = await _finished(client)
    old = (await client.get(path)).json()
    new = await client.post(f"{path}/retry")
    assert new.status_code == 201
    assert (new.json()["retry_of"], new.json()["args"]) == (old["id"], [60])
    other = await client.post(f"{path}/retry", json={"args": [1], "kwargs": {"param": "x"}})
    assert (other.json()["args"], other.json()["kwargs"]) == ([1], {"param": "x"})
    problem_of(await client.post(f"{path}/retry", json={"args": ["x"]}), 422)
    problem_of(await client.post(f"{path}/retry", json={"colour": 1}), 422)
    unfinished = await client.post(f"{TASKS}{new.json()['id']}/retry")
    assert problem_of(unfinished, 409)["code"] == "not_finished"


@pytest.mark.usefixtures("no_feeder")
async def test_attempts_are_listed_part_by_part(api: Api, world: World) -> None:
    task_id, celery_id = world.running()
    world.force(task_id, attempt=4)
    earlier = {"task_id": task_id, "celery_id": celery_id, "started_at": world.now(),
               "ended_at": world.now(), "outcome": "retry"}  # fmt: skip
    rows = [{**earlier, "attempt": number} for number in (1, 2, 3)]
    world.database.execute(insert(TaskAttempt), rows)
    client = await api.as_user()
    for query, numbers in {
        "": [1, 2, 3, 4],
        "limit=3": [1, 2, 3],
        "limit=3&after=3": [4],
        "limit=4": [1, 2, 3, 4],
        "after=2": [3, 4],
        "after=4": [],
        "after=2147483647": [],
    }.items():
        listed = (await client.get(f"{TASKS}{task_id}/attempts?{query}")).json()
        assert [each["attempt"] for each in listed] == numbers, query


async def test_attempts_and_logs_of_a_task_that_has_not_started(client: httpx2.AsyncClient) -> None:
    task = await create(client)
    for rest in ("attempts", "logs"):
        assert (await client.get(f"{TASKS}{task['id']}/{rest}")).json() == []


async def test_a_view_token_reads_its_task_and_nothing_else(
    api: Api, client: httpx2.AsyncClient
) -> None:
    task, other = await create(client), await create(client)
    path = f"{TASKS}{task['id']}"
    made = (await client.post(f"{path}/view-token")).json()
    assert made["expires_in"] == 900
    view = {"view": made["token"]}
    assert (await api.stranger.get(path, params=view)).json()["id"] == task["id"]
    for method, url in [
        ("GET", f"{TASKS}{other['id']}"),
        ("GET", TASKS),
        ("GET", f"{path}/logs"),
        ("GET", f"{path}/attempts"),
        ("POST", f"{path}/cancel"),
        ("DELETE", path),
        ("PATCH", path),
        ("POST", f"{path}/view-token"),
    ]:
        answer = await api.stranger.request(method, url, params=view)
        assert answer.status_code == 401, (method, url)
    as_bearer = api.with_token(made["token"])
    problem_of(await as_bearer.get(path), 401)
    problem_of(await api.stranger.get(path, params={"view": made["token"][:-2]}), 401)


async def test_task_types_describe_what_can_be_submitted(client: httpx2.AsyncClient) -> None:
    kinds = {kind["name"]: kind for kind in (await client.get("/api/v1/task-types")).json()}
    kind = kinds[new_task()["celery_task_name"]]
    assert kind["parameters"]["required"] == ["duration"]
    assert kind["queue"] == "default"
    assert "progress" in kind["description"]
