"""Dependencies over HTTP: submission, answers, deletion, the graph, subtasks."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx2
import pytest

from app.maintenance import dependents
from app.services import graph
from tests.support.api import Api, create, new_task, problem_of
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

TASKS = "/api/v1/tasks/"
REPORTS = ["tasks:read", "tasks:write", "tasks:report"]
ABSENT = "01a20e72-6ec7-74d0-bc60-000000000000"


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    """A user who may also report."""
    return await api.as_user("bob@example.org", scopes=REPORTS)


async def submit(client: httpx2.AsyncClient, *needed: str, **changes: Any) -> str:
    """A submission that depends on these; its id."""
    return str((await create(client, depends_on=list(needed), **changes))["id"])


async def end(client: httpx2.AsyncClient, task_id: str, status: str = "succeeded") -> None:
    """Take the task and report its end, as an executor outside Celery."""
    path = f"{TASKS}{task_id}"
    claimed = await client.patch(path, json={"status": "running"})
    assert claimed.status_code == 200, claimed.text
    report = {"attempt": claimed.json()["attempt"], "status": status}
    assert (await client.patch(path, json=report)).status_code == 200


async def tell(world: World) -> None:
    """What an agent does a moment later."""
    while (await asyncio.to_thread(dependents.run_once, world.database, 100)).edges:
        pass


async def get(client: httpx2.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await client.get(f"{TASKS}{task_id}")
    assert answer.status_code == 200
    return dict(answer.json())


# -- submission and answers -----------------------------------------------------------------------


async def test_what_a_task_depends_on_stands_in_every_answer(client: httpx2.AsyncClient) -> None:
    first, second = await submit(client), await submit(client)
    task = await create(client, depends_on=[second, first], on_dependency_failure="run")
    assert task["depends_on"] == [second, first]
    assert (task["status"], task["dispatched_at"]) == ("pending", None)
    assert (await get(client, task["id"]))["depends_on"] == [second, first]
    listed = (await client.get(TASKS, params={"limit": 2})).json()
    assert [each["depends_on"] for each in listed] == [[second, first], []]
    cancelled = await client.post(f"{TASKS}{task['id']}/cancel")
    assert cancelled.json()["task"]["depends_on"] == [second, first]


async def test_one_that_waits_cannot_be_taken(client: httpx2.AsyncClient, world: World) -> None:
    needed = await submit(client)
    task = await submit(client, needed)
    refused = await client.patch(f"{TASKS}{task}", json={"status": "running"})
    problem_of(refused, 409)
    await end(client, needed)
    await tell(world)
    await end(client, task)
    assert (await get(client, task))["status"] == "succeeded"


async def test_a_failure_spreads_with_a_reason(client: httpx2.AsyncClient, world: World) -> None:
    root = await submit(client)
    strict = await submit(client, root)
    behind = await submit(client, strict)
    tolerant = await submit(client, root, on_dependency_failure="run")
    await end(client, root, "failed")
    await tell(world)
    ended = await get(client, strict)
    assert (ended["status"], ended["reason"], ended["attempt"]) == (
        "failed",
        "dependency_failed",
        0,
    )
    assert ended["error"]["type"] == "dependency_failed"
    assert root in ended["error"]["message"]
    assert strict in (await get(client, behind))["error"]["message"]
    assert (await get(client, tolerant))["status"] == "pending"
    await end(client, tolerant)


async def test_one_that_can_never_run_is_accepted_and_ends_at_once(
    client: httpx2.AsyncClient,
) -> None:
    root = await submit(client)
    await client.post(f"{TASKS}{root}/cancel")
    task = await create(client, depends_on=[root])
    assert (task["status"], task["reason"]) == ("revoked", "dependency_revoked")
    assert root in task["error"]["message"]
    assert task["completed_at"] is not None


@pytest.mark.parametrize(
    ("changes", "loc"),
    [
        ({"depends_on": "x"}, ["body", "depends_on"]),
        ({"depends_on": None}, ["body", "depends_on"]),
        ({"depends_on": ["x"]}, ["body", "depends_on", 0]),
        ({"depends_on": [5]}, ["body", "depends_on", 0]),
        ({"depends_on": [ABSENT, ABSENT]}, ["body", "depends_on"]),
        ({"depends_on": [ABSENT]}, ["body", "depends_on", 0]),
        ({"depends_on": [str(uuid.UUID(int=n)) for n in range(1001)]}, ["body", "depends_on"]),
        ({"on_dependency_failure": "maybe"}, ["body", "on_dependency_failure"]),
        ({"on_dependency_failure": None}, ["body", "on_dependency_failure"]),
    ],
)
async def test_what_does_not_fit_is_422_and_names_the_place(
    client: httpx2.AsyncClient, changes: dict[str, Any], loc: list[str | int]
) -> None:
    answer = await client.post(TASKS, json=new_task(**changes))
    errors = problem_of(answer, 422)["errors"]
    assert errors[0]["loc"] == loc
    assert (await client.get(f"{TASKS}count")).json()["total"] == 0


async def test_each_that_does_not_exist_is_named(client: httpx2.AsyncClient) -> None:
    there = await submit(client)
    other = str(uuid.uuid4())
    answer = await client.post(TASKS, json=new_task(depends_on=[ABSENT, there, other]))
    errors = problem_of(answer, 422)["errors"]
    assert [(error["loc"][-1], error["type"]) for error in errors] == [
        (0, "unknown_task"),
        (2, "unknown_task"),
    ]


async def test_a_foreign_task_and_an_absent_one_are_refused_alike(
    api: Api, client: httpx2.AsyncClient
) -> None:
    foreign = await submit(await api.as_user("other@example.org"))
    texts = []
    for needed in (foreign, ABSENT):
        answer = await client.post(TASKS, json=new_task(depends_on=[needed]))
        texts.append(problem_of(answer, 422)["detail"].replace(needed, "ID"))
    assert texts[0] == texts[1]


async def test_an_operator_may_depend_on_anybodys_task(
    api: Api, client: httpx2.AsyncClient
) -> None:
    needed = await submit(client)
    operator = await api.as_user("op@example.org", role="operator")
    task = await create(operator, depends_on=[needed])
    assert task["depends_on"] == [needed]


async def test_one_key_is_one_task_whatever_became_of_what_it_needs(
    client: httpx2.AsyncClient, world: World
) -> None:
    needed, headers = await submit(client), {"Idempotency-Key": "order-17"}
    body = new_task(depends_on=[needed])
    first = await client.post(TASKS, json=body, headers=headers)
    await end(client, needed)
    await tell(world)
    second = await client.post(TASKS, json=body, headers=headers)
    await end(client, first.json()["id"])
    assert (await client.delete(f"{TASKS}{needed}")).status_code == 200
    third = await client.post(TASKS, json=body, headers=headers)
    assert [each.status_code for each in (first, second, third)] == [201, 200, 200]
    assert len({each.json()["id"] for each in (first, second, third)}) == 1
    other = await client.post(TASKS, json=new_task(depends_on=[]), headers=headers)
    assert problem_of(other, 422)["code"] == "idempotency_key_reused"


# -- deletion, running again --------------------------------------------------------------------


async def test_one_that_is_needed_is_deleted_only_after_who_needs_it(
    client: httpx2.AsyncClient,
) -> None:
    needed = await submit(client)
    task = await submit(client, needed)
    refused = problem_of(await client.delete(f"{TASKS}{needed}"), 409)
    assert refused["code"] == "needed"
    assert (await get(client, needed))["status"] == "pending"
    assert (await client.delete(f"{TASKS}{task}")).status_code == 200
    assert (await client.delete(f"{TASKS}{needed}")).status_code == 200


async def test_run_again_it_runs_whatever_it_needed(
    client: httpx2.AsyncClient, world: World
) -> None:
    needed = await submit(client)
    task = await submit(client, needed)
    await end(client, needed, "failed")
    await tell(world)
    again = (await client.post(f"{TASKS}{task}/retry")).json()
    assert (again["status"], again["depends_on"]) == ("pending", [needed])
    await end(client, again["id"])


# -- the graph ----------------------------------------------------------------------------------


async def _graph(client: httpx2.AsyncClient, task_id: str) -> tuple[set[str], set[tuple[str, str]]]:
    answer = await client.get(f"{TASKS}{task_id}/graph")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"nodes", "edges", "truncated"}
    assert body["truncated"] is False
    edges = {(edge["task_id"], edge["needs_id"]) for edge in body["edges"]}
    return {node["id"] for node in body["nodes"]}, edges


async def test_a_graph_follows_edges_both_ways(client: httpx2.AsyncClient) -> None:
    a, b = await submit(client), await submit(client)
    c = await submit(client, a, b)
    d, e = await submit(client, c), await submit(client, c)
    f = await submit(client, d, e, a)
    alone = await submit(client)
    edges = {(c, a), (c, b), (d, c), (e, c), (f, d), (f, e), (f, a)}
    for task_id in (a, b, c, d, e, f):
        assert await _graph(client, task_id) == ({a, b, c, d, e, f}, edges)
    assert await _graph(client, alone) == ({alone}, set())


async def test_a_node_says_how_its_task_is(client: httpx2.AsyncClient, world: World) -> None:
    root = await submit(client, name="Root")
    task = await submit(client, root, name="Leaf")
    await end(client, root, "failed")
    await tell(world)
    nodes = (await client.get(f"{TASKS}{task}/graph")).json()["nodes"]
    assert nodes == [
        {"id": root, "name": "Root", "status": "failed", "reason": "reported", "progress": 0},
        {"id": task, "name": "Leaf", "status": "failed", "reason": "dependency_failed",
         "progress": 0},
    ]  # fmt: skip


async def test_what_is_somebody_elses_is_left_out_with_its_edges(
    api: Api, client: httpx2.AsyncClient
) -> None:
    operator = await api.as_user("op@example.org", role="operator")
    first, second = await submit(client), await submit(client)
    between = await submit(operator, first)
    beyond = await submit(operator, between, second)
    assert await _graph(client, first) == ({first}, set())
    assert await _graph(client, second) == ({second}, set())
    assert (await _graph(operator, first))[0] == {first, second, between, beyond}
    stranger = await api.as_user("other@example.org")
    foreign = problem_of(await stranger.get(f"{TASKS}{first}/graph"), 404)
    absent = problem_of(await stranger.get(f"{TASKS}{ABSENT}/graph"), 404)
    assert foreign["detail"] == absent["detail"]


async def test_a_large_graph_shows_the_nearest_and_says_so(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "MAX_NODES", 5)
    chain = [await submit(client)]
    for _ in range(9):
        chain.append(await submit(client, chain[-1]))
    body = (await client.get(f"{TASKS}{chain[4]}/graph")).json()
    assert body["truncated"] is True
    assert [node["id"] for node in body["nodes"]] == chain[2:7]
    assert len(body["edges"]) == 4
    monkeypatch.setattr(graph, "MAX_NODES", 10)
    assert (await client.get(f"{TASKS}{chain[4]}/graph")).json()["truncated"] is False
    monkeypatch.setattr(graph, "MAX_EDGES", 8)
    body = (await client.get(f"{TASKS}{chain[4]}/graph")).json()
    assert (body["truncated"], len(body["nodes"]), len(body["edges"])) == (True, 10, 8)


# -- subtasks -----------------------------------------------------------------------------------


async def test_children_are_listed_page_by_page(client: httpx2.AsyncClient) -> None:
    parent = await submit(client)
    children = [await submit(client, parent_id=parent) for _ in range(5)]
    await submit(client)
    seen: list[str] = []
    path: str | None = f"{TASKS}{parent}/children?limit=2"
    while path:
        answer = await client.get(path)
        assert answer.status_code == 200
        seen += [task["id"] for task in answer.json()]
        assert {task["parent_id"] for task in answer.json()} == {parent}
        path = answer.links.get("next", {}).get("url")
    assert seen == children[::-1]
    assert (await client.get(f"{TASKS}{children[0]}/children")).json() == []


async def test_children_of_somebody_elses_task_are_not_there(
    api: Api, client: httpx2.AsyncClient
) -> None:
    parent = await submit(client)
    operator = await api.as_user("op@example.org", role="operator")
    await submit(operator, parent_id=parent)
    assert (await client.get(f"{TASKS}{parent}/children")).json() == []
    assert len((await operator.get(f"{TASKS}{parent}/children")).json()) == 1
    stranger = await api.as_user("other@example.org")
    problem_of(await stranger.get(f"{TASKS}{parent}/children"), 404)
    problem_of(await client.get(f"{TASKS}{ABSENT}/children"), 404)
