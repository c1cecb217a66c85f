"""The API of limits: who may, what is refused, and that a change holds from its answer on."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import metrics
from app.core.config import Settings
from app.db.session import Database
from app.services import limits as service
from app.services import rate_limits
from app.services.catalogue import Catalogue, TaskInfo
from app.services.finding import get_task
from tests.support.api import LONG, Api, create, problem_of
from tests.support.world import NOOP, World

pytestmark = pytest.mark.usefixtures("no_feeder")
LIMITS = "/api/v1/limits/"
KEY = f"{LIMITS}key/customer:*"


@pytest.fixture
async def operator(api: Api) -> httpx2.AsyncClient:
    """Somebody who may limit."""
    return await api.as_user("op@example.org", role="operator")


async def put(client: httpx2.AsyncClient, url: str = KEY, **body: Any) -> dict[str, Any]:
    """Make a limit and return it."""
    answer = await client.put(url, json=body)
    assert answer.status_code == 200, answer.text
    limit: dict[str, Any] = answer.json()
    return limit


async def test_a_limit_is_made_changed_read_and_lifted(operator: httpx2.AsyncClient) -> None:
    made = await put(operator, concurrency=2, rate="100/m")
    assert (made["kind"], made["name"]) == ("key", "customer:*")
    assert (made["concurrency"], made["rate"]) == (2, "100/m")
    assert (made["used"], made["handed_out"]) == (0, 0)
    assert made["updated_by"] == "op@example.org"
    assert (await operator.get(KEY)).json() == made
    changed = (await operator.patch(KEY, json={"rate": None})).json()
    assert (changed["concurrency"], changed["rate"]) == (2, None)
    replaced = await put(operator, rate="5/h")
    assert (replaced["concurrency"], replaced["rate"]) == (None, "5/h")
    assert (await operator.delete(KEY)).status_code == 204
    assert "customer:*" in problem_of(await operator.get(KEY), 404)["detail"]
    for method in ("PATCH", "DELETE"):
        body = {"concurrency": 1} if method == "PATCH" else None
        problem_of(await operator.request(method, KEY, json=body), 404)


async def test_the_list_tells_what_counts_against_each(
    operator: httpx2.AsyncClient, world: World
) -> None:
    await put(operator, concurrency=3)
    await put(operator, f"{LIMITS}queue/default", rate="4/h")
    await put(operator, f"{LIMITS}key/customer:1", concurrency=1)
    for key in ("customer:1", "customer:1", "customer:2", "customer:3"):
        world.add(limit_key=key)
    world.feed()
    listed = (await operator.get(LIMITS)).json()
    assert [(each["kind"], each["name"], each["used"], each["handed_out"]) for each in listed] == [
        ("key", "customer:*", 2, 0),
        ("key", "customer:1", 1, 0),
        ("queue", "default", 3, 3),
    ]
    of_queues = (await operator.get(LIMITS, params={"kind": "queue"})).json()
    assert of_queues == listed[2:]


async def test_what_was_handed_out_is_counted_once_under_the_closest_limit(
    operator: httpx2.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(operator, rate="9/h")
    await put(operator, f"{LIMITS}key/customer:1", rate="4/h")
    for key in ("customer:1", "customer:1", "customer:2", "customer:3"):
        world.add(limit_key=key)
    world.feed()
    listed = (await operator.get(LIMITS)).json()
    assert [(each["name"], each["handed_out"]) for each in listed] == [
        ("customer:*", 2),
        ("customer:1", 2),
    ]
    # However many keys there are, so many are looked at.
    monkeypatch.setattr(service, "MAX_KEYS", 1)
    listed = (await operator.get(LIMITS)).json()
    assert listed[0]["handed_out"] <= 1
    assert listed[1]["handed_out"] == 2


async def test_metrics_show_limits_as_long_as_there_are_any(
    operator: httpx2.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "CACHE_SECONDS", -1.0)
    await put(operator, concurrency=3)
    await put(operator, f"{LIMITS}queue/default", rate="4/h")
    world.add(limit_key="customer:1")
    world.feed()

    async def shown() -> dict[str, float]:
        text = (await operator.get("/metrics")).text
        return {
            f"{sample.name.removeprefix('tasksystem_limit_')} {sample.labels['name']}": sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if family.name.startswith("tasksystem_limit_")
        }

    assert await shown() == {
        "used customer:*": 1,
        "used default": 1,
        "concurrency customer:*": 3,
        "handed_out default": 1,
    }
    await operator.delete(KEY)
    assert [*await shown()] == ["used default", "handed_out default"]


async def test_users_read_limits_and_make_none(api: Api, operator: httpx2.AsyncClient) -> None:
    made = await put(operator, concurrency=2)
    user = await api.as_user("user@example.org")
    assert (await user.get(LIMITS)).json() == [made]
    assert (await user.get(KEY)).json() == made
    for method in ("PUT", "PATCH", "DELETE"):
        body = None if method == "DELETE" else {"concurrency": 1}
        problem_of(await user.request(method, KEY, json=body), 403)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("key/k", {}, "Give concurrency"),
        ("key/k", {"concurrency": None, "rate": None}, "Give concurrency"),
        ("key/k", {"concurrency": -1}, "greater than or equal to 0"),
        ("key/k", {"concurrency": True}, "integer"),
        ("key/k", {"concurrency": 100_001}, "100000"),
        ("key/k", {"rate": "0/s"}, "10/s"),
        ("key/k", {"rate": "1/d"}, "10/s"),
        ("key/k", {"rate": "1000000/s"}, "10/s"),
        ("key/k", {"rate": 5}, "10/s"),
        ("key/k", {"rate": "5/s", "burst": 2}, "Extra"),
        ("key/a*b", {"concurrency": 1}, "at the end"),
        ("queue/nowhere", {"concurrency": 1}, "default"),
        ("task/no.such.function", {"concurrency": 1}, "no.such.function"),
        ("owner/k", {"concurrency": 1}, "queue"),
    ],
)
async def test_what_is_no_limit_is_refused(
    operator: httpx2.AsyncClient, path: str, body: dict[str, Any], words: str
) -> None:
    problem = problem_of(await operator.put(LIMITS + path, json=body), 422)
    assert words in problem["detail"] + str(problem["errors"])


async def test_a_change_that_leaves_nothing_is_refused(operator: httpx2.AsyncClient) -> None:
    await put(operator, concurrency=2)
    problem = problem_of(await operator.patch(KEY, json={"concurrency": None}), 422)
    assert "delete it" in problem["detail"]
    assert (await operator.get(KEY)).json()["concurrency"] == 2


async def test_there_are_so_many_limits_and_no_more(
    operator: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_LIMITS", 1)
    await put(operator, concurrency=2)
    await put(operator, concurrency=3)
    another = await operator.put(f"{LIMITS}key/other", json={"concurrency": 1})
    assert "delete some" in problem_of(another, 409)["detail"]


async def test_a_task_shows_its_key_and_its_retry_has_it(operator: httpx2.AsyncClient) -> None:
    task = await create(operator, limit_key="customer:1")
    assert task["limit_key"] == "customer:1"
    await operator.post(f"/api/v1/tasks/{task['id']}/cancel")
    again = await operator.post(f"/api/v1/tasks/{task['id']}/retry")
    assert again.json()["limit_key"] == "customer:1"


@pytest.mark.parametrize("key", ["", " ", "a/b", "a*", "x" * 201, 7, "a\nb"])
async def test_what_is_no_key_is_refused(operator: httpx2.AsyncClient, key: Any) -> None:
    body = {"name": "n", "task_type": "t", "celery_task_name": LONG, "args": [1], "limit_key": key}
    for path, sent in (("", body), ("bulk", {"tasks": [body]})):
        problem = problem_of(await operator.post(f"/api/v1/tasks/{path}", json=sent), 422)
        assert "limit_key" in str(problem["errors"])


async def test_an_executor_outside_needs_a_place_and_counts(
    operator: httpx2.AsyncClient, world: World, api: Api
) -> None:
    admin = await api.as_user()
    await put(operator, concurrency=1, rate="1/h")
    first, second = world.add_many(2, limit_key="customer:1")
    claim = {"status": "running"}
    assert (await admin.patch(f"/api/v1/tasks/{first}", json=claim)).status_code == 200
    assert world.feed().rows == 0
    refused = await admin.patch(f"/api/v1/tasks/{second}", json=claim)
    problem = problem_of(refused, 409)
    assert (problem["code"], "customer:*" in problem["detail"]) == ("limit_reached", True)
    ended = {"attempt": 1, "status": "succeeded"}
    assert (await admin.patch(f"/api/v1/tasks/{first}", json=ended)).status_code == 200
    assert world.feed().rows == 0  # the rate remembers it


async def test_why_a_task_waits_is_told(
    operator: httpx2.AsyncClient, world: World, db: AsyncSession
) -> None:
    await put(operator, concurrency=1)
    await put(operator, f"{LIMITS}task/{NOOP}", rate="1/h")
    out, waiting = world.add_many(2, limit_key="customer:1")
    world.feed()
    told = {}
    for task_id in (out, waiting):
        task = await get_task(db, task_id)
        assert task is not None
        told[task_id] = {each.kind: each for each in await service.blocking(db, task)}
    assert told[out] == {}
    key, function = told[waiting]["key"], told[waiting]["task"]
    assert (key.name, key.counted, key.used, key.allowed) == ("customer:*", "customer:1", 1, 1)
    assert (function.name, function.used, function.allowed) == (NOOP, 1, 1)
    assert function.free_in_seconds is not None
    assert 3500 < function.free_in_seconds <= 3780


def declaring(rate: Any) -> Catalogue:
    """A catalogue of one function that says `rate_limit` in the code."""
    from dataclasses import replace

    from app.domain.limits import celery_rate
    from app.services.catalogue import catalogue

    known: TaskInfo = catalogue().tasks[NOOP]
    return Catalogue({NOOP: replace(known, rate=celery_rate(rate))}, frozenset({"default"}))


async def test_a_rate_limit_in_the_code_is_a_limit_until_somebody_says_otherwise(
    operator: httpx2.AsyncClient, settings: Settings
) -> None:
    database = Database()
    url = f"{LIMITS}task/{NOOP}"
    rate_limits.sync(database, declaring("3/m"))
    declared = (await operator.get(url)).json()
    assert (declared["rate"], declared["updated_by"]) == ("3/m", None)
    rate_limits.sync(database, declaring(0.5))
    assert (await operator.get(url)).json()["rate"] == "1/2s"
    await put(operator, url, rate="9/s")
    rate_limits.sync(database, declaring("4/m"))
    assert (await operator.get(url)).json()["rate"] == "9/s"
    await operator.delete(url)
    rate_limits.sync(database, declaring("4/m"))
    assert (await operator.get(url)).json()["rate"] == "4/m"
    rate_limits.sync(database, declaring(None))
    problem_of(await operator.get(url), 404)
    database.close()
