"""What the API refuses, and that it refuses it in the one shape, never with a 500."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from app.celery_app import celery_app
from tests.support.api import LONG, Api, new_task, problem_of

BASE = json.dumps(new_task())[1:-1]
TASKS, SCHEDULES = "/api/v1/tasks/", "/api/v1/schedules/"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def bodies() -> dict[str, bytes]:
    """Bodies that must be refused with 422, by what is wrong with them."""
    texts = {
        "nothing": "",
        "null": "null",
        "a list": "[]",
        "no JSON": '{"name":',
        "NaN": f'{{{BASE}, "time_limit": NaN}}',
        "Infinity": f'{{{BASE}, "kwargs": {{"param": -Infinity}}}}',
        "a number beyond floats": f'{{{BASE}, "kwargs": {{"x": 1e400}}}}',
        "a number beyond parsing": f'{{{BASE}, "kwargs": {{"x": 1{"0" * 5000}}}}}',
        "a huge integer": f'{{{BASE}, "priority": 99999999999999999999}}',
        "a huge float": f'{{{BASE}, "time_limit": 1{"0" * 400}}}',
        "the same key twice": f'{{{BASE}, "name": "other"}}',
        "deep nesting": f'{{{BASE}, "kwargs": {{"x": {"[" * 500}{"]" * 500}}}}}',
        "endless nesting": "[" * 300_000,
        "NUL": new_json(name="a\0b"),
        "a lone surrogate": f'{{{BASE}, "owner_ref": "\\ud800"}}',
        "a control character": new_json(name="a\nb"),
        "a boolean as number": new_json(priority=True),
        "text as number": new_json(priority="2"),
        "a float as integer": f'{{{BASE}, "priority": 2.0}}',
        "a number as name": new_json(name=5),
        "a blank name": new_json(name=" \t "),
        "a long name": new_json(name="x" * 201),
        "no name": new_json(name=...),
        "an unknown field": new_json(colour="red"),
        "a time without offset": new_json(scheduled_at="2030-01-01T00:00:00"),
        "a number as time": new_json(scheduled_at=1_900_000_000),
        "digits as time": new_json(scheduled_at="1900000000"),
        "a time beyond the calendar": new_json(scheduled_at="9999-12-31T23:59:59-12:00"),
        "a time and a countdown": new_json(scheduled_at="2030-01-01T00:00:00Z", countdown=1),
        "a negative countdown": new_json(countdown=-1),
        "a number as parent": new_json(parent_id=5),
        "a parent that is none": new_json(parent_id="01a20e72-6ec7-74d0-bc60-000000000000"),
        "a reserved argument": new_json(kwargs={"task_id": "x"}),
        "self as argument": new_json(kwargs={"self": "x"}),
        "too many arguments": new_json(args=[1, "a", 2]),
        "an argument of another type": new_json(args=["sixty"]),
        "an unregistered function": new_json(celery_task_name=f"{LONG}s"),
        "an unknown queue": new_json(queue="defualt"),
        "too many tags": new_json(tags=[str(n) for n in range(33)]),
    }
    binary = {"another encoding": "{}".encode("utf-16"), "broken UTF-8": b'{"name": "\xff"}'}
    return {name: text.encode() for name, text in texts.items()} | binary


def new_json(**changes: object) -> str:
    """A submission as text."""
    return json.dumps(new_task(**changes))


async def test_bad_bodies_are_refused_and_create_nothing(
    api: Api, bodies: dict[str, bytes]
) -> None:
    client = await api.as_user()
    for name, body in bodies.items():
        answer = await client.post(TASKS, content=body, headers=JSON)
        assert answer.status_code == 422, f"{name}: {answer.status_code} {answer.text}"
        problem_of(answer, 422)
    assert (await client.get(f"{TASKS}count")).json()["total"] == 0


async def test_large_integers_and_text_come_back_as_they_were(api: Api) -> None:
    client = await api.as_user()
    body = new_task(args=[60, "é\u2028😀"], owner_ref="数据")
    made = await client.post(TASKS, json=body)
    claimed = {"status": "running"}
    path = TASKS + made.json()["id"]
    await client.patch(path, json=claimed)
    big = 123456789012345678901234567890
    done = await client.patch(path, json={"attempt": 1, "status": "succeeded", "result": [big]})
    assert (done.json()["args"], done.json()["result"]) == (body["args"], [big])
    assert str(big) in (await client.get(path)).text


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_a_mebibyte_is_413(api: Api, chunked: bool) -> None:
    client = await api.as_user()
    raw = new_json(kwargs={"param": "x" * 1_100_000}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), 65_536):
            yield raw[start : start + 65_536]

    answer = await client.post(TASKS, content=pieces() if chunked else raw, headers=JSON)
    assert problem_of(answer, 413)["code"] == "too_large"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_content_type_is_415(api: Api, kind: str | None) -> None:
    client = await api.as_user()
    headers = {"Content-Type": kind} if kind else {}
    answer = await client.post(TASKS, content=new_json().encode(), headers=headers)
    problem_of(answer, 415)


async def test_queries_are_strict(api: Api) -> None:
    client = await api.as_user()
    for query in (
        "colour=red",
        "limit=1&limit=2",
        "limit=1_0",
        "limit=%2B5",
        "limit=%205",
        "limit=٥",
        "limit=1.0",
        "limit=0",
        "limit=501",
        "skip=-1",
        "skip=100001",
        "skip=99999999999999999999",
        "status=done",
        "priority=5",
        "priority=true",
        "order_by=args",
        "order_desc=yes",
        "cursor=xyz",
        "cursor=WzFd",
        "parent_id=1",
        "q=%00",
        "q=%ff",
        "q=",
        "created_after=yesterday",
        "created_after=2030-01-01T00:00:00",
    ):
        answer = await client.get(f"{TASKS}?{query}")
        assert answer.status_code == 422, f"{query}: {answer.status_code} {answer.text[:200]}"
        problem_of(answer, 422)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PUT", "/api/v1/tasks/", 405),
        ("GET", "/api/v1/tasks/not-an-id", 422),
        ("GET", "/api/v1/tasks/01a20e72-6ec7-74d0-bc60-000000000000", 404),
        ("POST", "/api/v1/queues/nowhere/pause", 404),
        ("POST", "/api/v1/queues/%00/pause", 422),
    ],
)
async def test_errors_of_every_origin_have_one_shape(
    api: Api, method: str, path: str, status: int
) -> None:
    client = await api.as_user()
    problem_of(await client.request(method, path), status)


async def test_bad_headers_are_refused(api: Api) -> None:
    client = await api.as_user()
    for headers in ({"Idempotency-Key": "a b"}, {"Idempotency-Key": "a" * 256}):
        problem_of(await client.post(TASKS, json=new_task(), headers=headers), 422)
    task = (await client.post(TASKS, json=new_task())).json()
    for version in ("x", '"1", "2"', "-1", "99999999999"):
        answer = await client.patch(
            TASKS + task["id"], json={"name": "n"}, headers={"If-Match": version}
        )
        problem_of(answer, 422)


async def test_request_ids_are_kept_where_they_are_sound(api: Api) -> None:
    kept = await api.stranger.get("/health/live", headers={"X-Request-ID": "order-17"})
    assert kept.headers["x-request-id"] == "order-17"
    changed = await api.stranger.get("/health/live", headers={"X-Request-ID": "a b\tc"})
    assert changed.headers["x-request-id"] != "a b\tc"


async def test_what_celery_brings_itself_cannot_be_called(api: Api) -> None:
    """Such as `celery.chord_unlock`: every worker has them, and nobody has checked their arguments."""
    client = await api.as_user()
    own = sorted(name for name in celery_app.tasks if name.startswith("celery."))
    assert len(own) > 5
    hourly = {"name": "hourly", "kind": "interval", "interval_seconds": 3600}
    made = await client.post(SCHEDULES, json={**hourly, "celery_task_name": LONG, "args": [1]})
    assert made.status_code == 201, made.text
    for name in own:
        called = {"celery_task_name": name, "args": []}
        for answer in (
            await client.post(TASKS, json=new_task(**called)),
            await client.post(f"{TASKS}bulk", json={"tasks": [new_task(**called)]}),
            await client.post(SCHEDULES, json={**hourly, **called}),
            await client.patch(SCHEDULES + made.json()["id"], json=called),
        ):
            problem_of(answer, 422)
            assert f"{name!r} is not registered" in answer.text
