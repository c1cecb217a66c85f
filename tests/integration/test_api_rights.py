"""Who may do what: default deny, scopes, roles, and tasks of somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.security import Scope
from tests.support.api import ADMIN, Api, create, new_task, problem_of

OPEN = {
    "GET /health/live",
    "GET /health/ready",
    "POST /api/v1/auth/token",
    "POST /api/v1/auth/session",
    "GET /docs",
    "GET /redoc",
    "GET /openapi.json",
}
TASKS = "/api/v1/tasks/"


def _routes(api: Api) -> Iterator[tuple[str, str, APIRoute]]:
    for context in iter_route_contexts(api.app.routes):
        if isinstance(context.original_route, APIRoute):
            for method in context.methods or ():
                yield method, str(context.path), context.original_route


def _scopes(dependant: Dependant) -> list[tuple[Scope, ...]]:
    found = [scopes] if (scopes := getattr(dependant.call, "scopes", None)) is not None else []
    return found + [scope for inner in dependant.dependencies for scope in _scopes(inner)]


async def test_every_route_but_the_open_ones_asks_for_a_token(api: Api) -> None:
    asked = 0
    for method, path, route in _routes(api):
        url = path.format(**_IN_PATHS)
        answer = await api.stranger.request(method, url)
        if f"{method} {path.rstrip('/')}" in OPEN:
            assert answer.status_code != 401, path
            continue
        asked += 1
        assert problem_of(answer, 401)["code"] == "token_missing", path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert _scopes(route.dependant), f"{method} {path} names no right"
    assert asked > 30


async def test_every_right_is_refused_without_its_scope(api: Api) -> None:
    client = await api.as_user(ADMIN, scopes=[])
    for method, path, route in _routes(api):
        needed = _scopes(route.dependant)
        if not any(needed):
            continue
        url = path.format(**_IN_PATHS)
        body = new_task() if path.rstrip("/").endswith("/tasks") else {}
        answer = await client.request(method, url, json=body if method != "GET" else None)
        assert problem_of(answer, 403)["code"] == "scope_missing", f"{method} {path}"


async def test_a_broken_token_is_refused_like_an_unknown_one(api: Api) -> None:
    for header in ("Bearer", "Basic YTpi", "Bearer tsk_unknown", "Bearer é", "x"):
        answer = await api.stranger.get(TASKS, headers={b"Authorization": header.encode()})
        problem_of(answer, 401)


_SOME_ID = "01a20e72-6ec7-74d0-bc60-000000000000"
_IN_PATHS = {
    **dict.fromkeys(("task_id", "token_id", "group_id", "operation_id"), _SOME_ID),
    **dict.fromkeys(("webhook_id", "delivery_id", "schedule_id"), _SOME_ID),
    "name": "default",
    "kind": "overview",
}


async def test_another_site_changes_nothing_through_a_session(api: Api) -> None:
    browser = await api.signed_in()
    changes = [
        (m, p) for m, p, _ in _routes(api) if m != "GET" and f"{m} {p.rstrip('/')}" not in OPEN
    ]
    assert len(changes) > 20
    for method, path in changes:
        url = path.format(**_IN_PATHS)
        foreign = await browser.request(method, url, headers={"Sec-Fetch-Site": "cross-site"})
        assert problem_of(foreign, 403)["code"] == "cross_site", f"{method} {path}"


async def _two_users(api: Api, how: str) -> tuple[httpx2.AsyncClient, httpx2.AsyncClient]:
    if how == "session":
        return await api.signed_in("owner@example.org"), await api.signed_in("other@example.org")
    scopes = ["tasks:read", "tasks:write", "tasks:report"]
    return await api.as_user("owner@example.org"), await api.as_user(
        "other@example.org", scopes=scopes
    )


@pytest.mark.parametrize("how", ["token", "session"])
async def test_somebody_elses_task_is_like_one_that_does_not_exist(api: Api, how: str) -> None:
    owner, other = await _two_users(api, how)
    task = await create(owner, tags=["mine"])
    requests: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("PATCH", "", {"status": "revoked"}),
        ("PATCH", "", {"status": "running"}),
        ("PATCH", "", {"attempt": 1, "progress": 5}),
        ("DELETE", "", None),
        ("POST", "/cancel", None),
        ("POST", "/retry", None),
        ("GET", "/attempts", None),
        ("GET", "/checkpoint", None),
        ("GET", "/logs", None),
        ("GET", "/graph", None),
        ("GET", "/children", None),
        ("GET", "/explain", None),
        ("GET", "/events", None),
        ("POST", "/view-token", None),
    ]
    for method, rest, body in requests:
        foreign = await other.request(method, f"{TASKS}{task['id']}{rest}", json=body)
        absent = await other.request(method, f"{TASKS}{_SOME_ID}{rest}", json=body)
        assert _told(problem_of(foreign, 404)) == _told(problem_of(absent, 404)), (method, rest)
    listed = await other.get(TASKS, params={"tag": "mine", "include_total": "true"})
    assert (listed.json(), listed.headers["x-total-count"]) == ([], "0")
    assert (await other.get(f"{TASKS}count")).json()["total"] == 0
    untouched = (await owner.get(TASKS + task["id"])).json()
    assert {name: untouched[name] for name in ("name", "status", "attempt")} == {
        "name": task["name"],
        "status": "pending",
        "attempt": 0,
    }


def _told(problem: dict[str, Any]) -> tuple[str, str, str]:
    return problem["code"], problem["title"], problem["detail"]


async def test_a_foreign_parent_and_an_absent_one_are_refused_alike(api: Api) -> None:
    owner, other = await api.as_user("owner@example.org"), await api.as_user("other@example.org")
    foreign = (await create(owner))["id"]
    texts = []
    for parent in (foreign, _SOME_ID):
        answer = await other.post(TASKS, json=new_task(parent_id=parent))
        texts.append(problem_of(answer, 422)["detail"].replace(parent, "ID"))
    assert texts[0] == texts[1]


async def test_the_same_idempotency_key_of_two_users_is_two_keys(api: Api) -> None:
    headers = {"Idempotency-Key": "order-17"}
    ids = set()
    for email in ("owner@example.org", "other@example.org"):
        client = await api.as_user(email)
        answer = await client.post(TASKS, json=new_task(), headers=headers)
        ids.add(answer.json()["id"])
    assert len(ids) == 2


async def test_an_operator_sees_and_cancels_everybodys_tasks(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    operator = await api.as_user("op@example.org", role="operator")
    task = await create(owner)
    assert [row["id"] for row in (await operator.get(TASKS)).json()] == [task["id"]]
    assert (await operator.post(f"{TASKS}{task['id']}/cancel")).status_code == 200


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("user", "POST", "/api/v1/queues/default/pause", 403),
        ("user", "GET", "/api/v1/workers", 403),
        ("user", "GET", "/metrics", 403),
        ("operator", "POST", "/api/v1/queues/default/pause", 200),
        ("operator", "GET", "/api/v1/workers", 200),
        ("operator", "GET", "/api/v1/users", 403),
        ("operator", "GET", "/api/v1/audit", 403),
        ("operator", "GET", "/api/v1/tokens?everybody=true", 403),
        ("admin", "GET", "/api/v1/users", 200),
        ("admin", "GET", "/api/v1/audit", 200),
        ("admin", "GET", "/api/v1/tokens?everybody=true", 200),
    ],
)
async def test_roles(api: Api, role: str, method: str, path: str, status: int) -> None:
    client = await api.as_user(f"{role}@example.org", role=role)
    assert (await client.request(method, path)).status_code == status
