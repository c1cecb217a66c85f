"""What belongs to Ada, looked for by Bob: on every route, by every parameter, key and reference.

The routes are those of the API's own description. One that takes something which this walk does not know
fails it, so nothing new comes without an answer to the question whose it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from app.core.security import Scope
from tests.support.api import Api, create, events_of, new_task, problem_of
from tests.support.belongings import Belongings, belongings
from tests.support.databases import on_sqlite
from tests.support.operations import Operation, operations
from tests.support.walking import NOBODYS, SCHEDULE, ask, body_of, told, url_of, walked
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")
# The statements are those of the walk through all routes, which runs on both.

# Of the same length, so that answers which name them are.
ADA, BOB, NOBODY = "Ada7k2qx", "Bob7k2qx", "Non7k2qx"
EMAILS = {mark: f"{mark.lower()}@example.org" for mark in (ADA, BOB, NOBODY)}
# Everything that a user's token can do.
SCOPES = [scope.value for scope in (Scope.TASKS_READ, Scope.TASKS_WRITE, Scope.TASKS_REPORT,
                                    Scope.QUEUES_READ, Scope.TOKENS_WRITE)]  # fmt: skip
OWNED = {"task_id", "webhook_id", "delivery_id", "operation_id", "schedule_id", "group_id",
         "token_id"}  # fmt: skip
# What stands in a path and is nobody's own, and why.
SHARED = {
    "name": "of a queue or of a limit, which are everybody's",
    "kind": "of limits, and of reports about one's own tasks",
}
# More of what may be asked of a task than one good body says.
PATCHES = [{"status": "revoked"}, {"status": "running"}, {"attempt": 1, "progress": 5}]
# Parameters of a query that name something of somebody's; all others only choose, sort and cut.
NAMING = {
    "q": "{mark}",
    "tag": "tag-{mark}",
    "task_type": "type-{mark}",
    "owner_ref": "ref-{mark}",
    "name": "schedule {mark}",
    "type": "Error{mark}",
    "user": "{email}",
    "target": "{task}",
    "parent_id": "{task}",
}
CHOOSING = {
    "action", "after", "bucket", "celery_task_name", "created_after", "created_before", "cursor",
    "everybody", "format", "from", "group_by", "groups", "include_total", "kind", "limit",
    "order_by", "order_desc", "outcome", "paused", "priority", "queue", "skip", "source", "state",
    "status", "to", "via", "view",
}  # fmt: skip
# Fields of bodies that refer to something by its id.
REFERRING = {"parent_id", "depends_on", "ids"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)|"seconds":[\d.]+')


@dataclass
class Two:
    """Ada and Bob, what each has, and their clients."""

    ada: httpx2.AsyncClient
    bob: httpx2.AsyncClient
    hers: Belongings
    his: Belongings


async def two(api: Api, world: World, how: str = "token") -> Two:
    """Both have one of everything."""
    ada = await api.as_user(EMAILS[ADA], scopes=SCOPES)
    bob = await api.as_user(EMAILS[BOB], scopes=SCOPES)
    his = await belongings(bob, world, BOB, EMAILS[BOB])
    hers = await belongings(ada, world, ADA, EMAILS[ADA])
    if how == "session":
        bob = await api.signed_in(EMAILS[BOB])
    return Two(ada, bob, hers, his)


def names_of(operation: Operation, where: str) -> set[str]:
    """The names of its parameters."""
    return {each["name"] for each in operation.parameters(where)}


def is_stream(operation: Operation) -> bool:
    """Whether it answers with events for as long as somebody listens."""
    return operation.path.endswith("/events")


# -- what is known to the walk ------------------------------------------------------------------


def test_every_parameter_and_reference_is_known_to_the_walk() -> None:
    """A new one: say whose the thing is that it names, and what the walk is to ask for it."""
    from app.main import app

    described = operations(app.openapi())
    in_paths = {name for each in described for name in names_of(each, "path")}
    assert in_paths == OWNED | set(SHARED)
    assert OWNED.isdisjoint(SHARED)
    in_queries = {name for each in described for name in names_of(each, "query")}
    assert in_queries == set(NAMING) | CHOOSING
    in_bodies = {
        next(part for part in reversed(place.path) if isinstance(part, str))
        for each in described
        for place in each.places()
        if "'format': 'uuid'" in str(place.schema)
    }
    assert in_bodies == REFERRING


# -- paths --------------------------------------------------------------------------------------


def bodies_of(operation: Operation) -> list[dict[str, Any]]:
    """What it is asked with."""
    if str(operation) == "PATCH /api/v1/tasks/{task_id}":
        return [body_of(operation), *({"json": patch} for patch in PATCHES)]
    return [body_of(operation)]


async def seen_by_its_owner(both: Two, owned: list[Operation]) -> dict[str, Any]:
    """All that Ada can read of what is hers, and does not change by itself."""
    still = [
        each
        for each in owned
        if each.method == "GET" and not is_stream(each) and not each.path.endswith("/explain")
    ]
    return {
        str(each): told(await ask(both.ada, each, url_of(each, **both.hers.ids))) for each in still
    }


@pytest.mark.parametrize(
    ("database_url", "how"),
    [("sqlite", "token"), ("sqlite", "session"), ("postgresql", "token")],
    indirect=["database_url"],
)
async def test_what_is_somebody_elses_is_as_if_absent_on_every_route(
    api: Api, world: World, how: str
) -> None:
    both = await two(api, world, how)
    owned = [each for each in walked(api) if names_of(each, "path") & OWNED]
    assert len(owned) > 30
    before = await seen_by_its_owner(both, owned)
    for operation in owned:
        # One of the things is hers, or is not there; the others are his own.
        for name in names_of(operation, "path") & OWNED:
            hers = both.his.ids | {name: both.hers.ids[name]}
            absent = both.his.ids | {name: NOBODYS}
            for body in bodies_of(operation):
                answers = [
                    await ask(both.bob, operation, url_of(operation, **ids), **body)
                    for ids in (hers, absent)
                ]
                for answer in answers:
                    problem_of(answer, 404)
                both_told = [told(each, both.hers.ids[name], NOBODYS) for each in answers]
                assert both_told[0] == both_told[1], f"{operation} {name} {body}"
    assert await seen_by_its_owner(both, owned) == before


@on_sqlite
async def test_the_walk_would_find_what_is_there(api: Api, world: World) -> None:
    """Else an address that is wrong would be taken for one that is guarded."""
    both = await two(api, world)
    owned = [each for each in walked(api) if names_of(each, "path") & OWNED]
    for operation in owned:
        if operation.method == "GET" and not operation.path.endswith("/checkpoint"):
            url = url_of(operation, **both.hers.ids)
            answer = await ask(both.ada, operation, url)
            assert answer.status_code == 200, f"{operation}: {answer.text}"


# -- queries ------------------------------------------------------------------------------------


def in_query(name: str, mark: str, task: str) -> str:
    """The value of a naming parameter that fits what belongs to the mark."""
    return NAMING[name].format(mark=mark, email=EMAILS[mark], task=task)


def shows_nothing(answer: httpx2.Response, of: Belongings, asked: str, *known: str) -> None:
    """The answer has no sign of what is somebody else's, but for what was asked for."""
    text = answer.text
    for each in known:
        text = text.replace(each, "")
    assert not [sign for sign in of.signs if sign in text], f"{asked}: {answer.text[:500]}"


@on_sqlite
async def test_no_answer_shows_or_counts_what_is_somebody_elses(api: Api, world: World) -> None:
    both = await two(api, world)
    reading = [each for each in walked(api) if each.method == "GET" and not is_stream(each)]
    for operation in reading:
        kind = "overview" if "reports" in operation.path else "queue"
        url = url_of(operation, **both.his.ids, kind=kind)
        plain = await ask(both.bob, operation, url)
        assert plain.status_code in (200, 403, 404), f"{operation}: {plain.text}"
        shows_nothing(plain, both.hers, str(operation))
        for name in names_of(operation, "query") & set(NAMING):
            values = (
                in_query(name, ADA, both.hers.ids["task_id"]),
                in_query(name, NOBODY, NOBODYS),
            )
            both_told = []
            for value in values:
                answer = await both.bob.get(url, params={name: value})
                assert answer.status_code in (200, 403, 404), f"{operation}: {answer.text}"
                status, headers, text = told(answer, value)
                both_told.append((status, headers, _TIME.sub("TIME", text)))
            assert both_told[0] == both_told[1], f"{operation}?{name}"


@on_sqlite
async def test_numbers_are_of_ones_own_tasks(api: Api, world: World) -> None:
    both = await two(api, world)
    stranger = await api.as_user(EMAILS[NOBODY], scopes=SCOPES)
    listed = await stranger.get("/api/v1/tasks/", params={"include_total": "true"})
    assert (listed.json(), listed.headers["x-total-count"]) == ([], "0")
    assert set((await stranger.get("/api/v1/tasks/count")).json().values()) == {0}
    everything = {"filter": {"priority": 2}, "dry_run": True}
    for verb in ("cancel", "retry", "delete"):
        preview = await stranger.post(f"/api/v1/tasks/bulk/{verb}", json=everything)
        assert preview.json() == {"total": 0, "sample": []}
    counted = (await both.bob.get("/api/v1/tasks/count")).json()["total"]
    listed = await both.bob.get("/api/v1/tasks/", params={"include_total": "true"})
    assert listed.headers["x-total-count"] == str(counted) == str(len(listed.json()))


@on_sqlite
async def test_a_place_in_somebody_elses_list_is_a_place_in_ones_own(
    api: Api, world: World
) -> None:
    both = await two(api, world)
    following = (await both.ada.get("/api/v1/tasks/", params={"limit": 1})).links["next"]["url"]
    shows_nothing(await both.bob.get(following), both.hers, following)
    paged = [each for each in walked(api) if "cursor" in names_of(each, "query")]
    assert len(paged) > 5
    for operation in (each for each in paged if not is_stream(each)):
        url = url_of(operation, **both.his.ids)
        for cursor in both.hers.ids.values():
            answer = await both.bob.get(url, params={"cursor": cursor})
            assert answer.status_code in (200, 403, 422), f"{operation}: {answer.text}"
            shows_nothing(answer, both.hers, f"{operation}?cursor={cursor}", cursor)


@on_sqlite
async def test_streams_show_nothing_of_somebody_elses(api: Api, world: World) -> None:
    both = await two(api, world)
    for query in ("", f"?parent_id={both.hers.ids['task_id']}", f"?task_type=type-{ADA}"):
        async with both.bob.stream("GET", f"/api/v1/tasks/events{query}") as answer:
            async for name, data in events_of(answer):
                shown = json.dumps(data)
                assert not [sign for sign in both.hers.signs if sign in shown], (query, shown)
                if name == "ready":
                    assert (data["count"] == 0) == bool(query)
                    break


# -- keys and references ------------------------------------------------------------------------


def order(**selection: Any) -> list[tuple[str, dict[str, Any]]]:
    """The selection, in every order about many tasks."""
    return [
        (f"/tasks/bulk/{verb}", {**selection, "dry_run": dry})
        for verb in ("cancel", "retry", "delete")
        for dry in (True, False)
    ]


def requests(mark: str, task: str) -> list[tuple[str, dict[str, Any]]]:
    """Paths and bodies that name what is somebody's."""
    one: list[dict[str, Any]] = [
        {"parent_id": task},
        {"depends_on": [task]},
        *({"unique_key": f"unique-{mark}", "unique_mode": mode}
          for mode in ("reject", "existing", "replace")),
        {"limit_key": f"limit-{mark}"},
        {"owner_ref": f"ref-{mark}"},
    ]  # fmt: skip
    filters: list[dict[str, Any]] = [
        {"parent_id": task},
        {"tag": f"tag-{mark}"},
        {"owner_ref": f"ref-{mark}"},
        {"task_type": f"type-{mark}"},
        {"q": mark},
    ]
    return [
        *(("/tasks/bulk", {"tasks": [new_task(**fields)]}) for fields in one[:2]),
        *(("/tasks/", new_task(**fields)) for fields in one),
        *order(ids=[task]),
        *(each for wanted in filters for each in order(filter=wanted)),
        ("/schedules/", {**SCHEDULE, "name": f"schedule {mark}"}),
        ("/tokens", {"user": EMAILS[mark]}),
    ]


def normal(answer: httpx2.Response, *names: str) -> tuple[int, list[tuple[str, str]], str]:
    """What is told, without what is new each time: ids and times."""
    status, headers, text = told(answer, *names)
    plain = [(name, _UUID.sub("ID", value)) for name, value in headers]
    return status, plain, _TIME.sub("TIME", _UUID.sub("ID", text))


@on_sqlite
async def test_keys_and_references_of_somebody_else_are_like_unknown_ones(
    api: Api, world: World
) -> None:
    both = await two(api, world)
    hers = requests(ADA, both.hers.ids["task_id"])
    nobodys = requests(NOBODY, NOBODYS)
    for (path, body), (_, other) in zip(hers, nobodys, strict=True):
        answers = [await both.bob.post(f"/api/v1{path}", json=each) for each in (body, other)]
        both_told = [normal(each, ADA, NOBODY, EMAILS[ADA], EMAILS[NOBODY]) for each in answers]
        assert both_told[0] == both_told[1], f"{path} {body}"
        assert answers[0].status_code < 500
        shows_nothing(answers[0], both.hers, f"{path} {body}", ADA, both.hers.ids["task_id"])
        if "bulk/" in path and answers[0].status_code < 300 and not body["dry_run"]:
            items = [
                await both.bob.get(f"/api/v1/bulk-operations/{each.json()['id']}/items")
                for each in answers
            ]
            assert normal(items[0]) == normal(items[1]), f"{path} {body}"
    task = (await both.ada.get(f"/api/v1/tasks/{both.hers.ids['task_id']}")).json()
    assert task["status"] == "pending"


@on_sqlite
async def test_the_same_idempotency_key_of_two_users_is_two_keys(api: Api) -> None:
    headers = {"Idempotency-Key": "order-17"}
    ids = set()
    for mark in (ADA, BOB):
        client = await api.as_user(EMAILS[mark])
        answer = await client.post("/api/v1/tasks/", json=new_task(), headers=headers)
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)
        ids.add(answer.json()["id"])
        many = await client.post(
            "/api/v1/tasks/bulk", json={"tasks": [new_task()]}, headers={"Idempotency-Key": "many"}
        )
        ids.update(many.json()["ids"])
    assert len(ids) == 4


# -- view tokens --------------------------------------------------------------------------------


@on_sqlite
async def test_a_view_token_is_good_for_its_task_on_two_routes_and_for_nothing_else(
    api: Api, world: World
) -> None:
    both = await two(api, world)
    other = await create(both.ada)
    made = await both.ada.post(f"/api/v1/tasks/{both.hers.ids['task_id']}/view-token")
    view, stranger = made.json()["token"], api.stranger
    read = []
    for operation in walked(api):
        if not operation.described.get("security"):
            continue
        for ids in (both.hers.ids, both.hers.ids | {"task_id": other["id"]}, both.his.ids):
            url = f"{url_of(operation, **ids)}?view={view}"
            answer = await ask(stranger, operation, url, **body_of(operation))
            if answer.status_code == 200:
                assert ids is both.hers.ids, str(operation)
                read.append(str(operation))
            else:
                problem_of(answer, 401)
    assert sorted(read) == ["GET /api/v1/tasks/{task_id}", "GET /api/v1/tasks/{task_id}/events"]
