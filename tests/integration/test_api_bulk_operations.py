"""Many tasks cancelled, retried and deleted at once, over HTTP, on both databases."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest

from app import events
from app.domain.lifecycle import TaskStatus
from app.maintenance import operations
from app.services import bulk_operations
from tests.support.api import Api, create, new_task, problem_of
from tests.support.databases import on_sqlite
from tests.support.world import World

TASKS, BULK = "/api/v1/tasks/", "/api/v1/tasks/bulk"
OPERATIONS = "/api/v1/bulk-operations"
UNKNOWN = "01a20e72-6ec7-74d0-bc60-000000000000"


@pytest.fixture
async def client(api: Api) -> httpx2.AsyncClient:
    return await api.as_user("bob@example.org")


@pytest.fixture
async def bob(client: httpx2.AsyncClient) -> uuid.UUID:
    """Whose client it is."""
    return uuid.UUID((await client.get("/api/v1/users/me")).json()["id"])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than three tasks are many."""
    monkeypatch.setattr(bulk_operations, "MAX_AT_ONCE", 3)


async def order(client: httpx2.AsyncClient, action: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"{BULK}/{action}", json=body)
    assert answer.status_code in (200, 202), answer.text
    told: dict[str, Any] = answer.json()
    if "status" in told:
        assert (answer.status_code == 202) == (told["status"] == "running")
    return told


async def outcomes(client: httpx2.AsyncClient, operation: dict[str, Any]) -> dict[str, Any]:
    items = (await client.get(f"{OPERATIONS}/{operation['id']}/items?limit=500")).json()
    return {item["task_id"]: item["outcome"] for item in items}


async def status_of(client: httpx2.AsyncClient, task_id: object) -> str:
    answer = await client.get(f"{TASKS}{task_id}")
    return str(answer.json()["status"]) if answer.status_code == 200 else "gone"


async def many(client: httpx2.AsyncClient, count: int, **fields: Any) -> list[str]:
    body = {"tasks": [new_task(name=f"n{n}", **fields) for n in range(count)]}
    ids: list[str] = (await client.post(BULK, json=body)).json()["ids"]
    return ids


# -- what comes of it -----------------------------------------------------------------------


async def test_each_task_has_the_outcome_that_it_would_have_alone(
    api: Api, client: httpx2.AsyncClient, bob: uuid.UUID, world: World
) -> None:
    hers = (await create(await api.as_user("ada@example.org")))["id"]
    waiting = (await create(client, countdown=600))["id"]
    running, _ = world.running(user_id=bob)
    done = world.running(user_id=bob)
    world.settle(done)
    (revoked,) = await many(client, 1)
    await client.post(f"{TASKS}{revoked}/cancel")
    ids = [waiting, str(running), str(done[0]), revoked, hers, UNKNOWN]
    operation = await order(client, "cancel", ids=[*ids, waiting])
    assert await outcomes(client, operation) == dict(
        zip(
            ids,
            ["revoked", "stopping", "finished", "already_revoked", "not_found", "not_found"],
            strict=True,
        )
    )
    assert (operation["action"], operation["status"]) == ("cancel", "finished")
    assert (operation["total"], operation["done"], operation["filter"]) == (6, 6, None)
    assert operation["outcomes"]["not_found"] == 2
    assert await status_of(client, waiting) == "revoked"
    assert world.row(running).cancel_requested_at is not None
    assert world.row(uuid.UUID(hers)).status == "pending"
    reasons = {
        item["outcome"]: item["reason"]
        for item in (await client.get(f"{OPERATIONS}/{operation['id']}/items")).json()
    }
    assert reasons["revoked"] is None
    assert reasons["not_found"] == "There is no such task"


async def test_what_was_cancelled_is_told_and_what_was_deleted_too(
    client: httpx2.AsyncClient, bob: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [uuid.UUID(each) for each in await many(client, 3, countdown=600)]
    changed: list[uuid.UUID] = []
    deleted: list[events.Deleted] = []
    monkeypatch.setattr(events, "changed", changed.extend)
    monkeypatch.setattr(events, "deleted", deleted.extend)
    named = [str(each) for each in ids]
    await order(client, "cancel", ids=named)
    await order(client, "delete", ids=named)
    assert sorted(changed) == ids
    assert sorted(deleted) == [(each, bob) for each in ids]


async def test_finished_tasks_run_again_in_their_order(
    client: httpx2.AsyncClient, bob: uuid.UUID, world: World, no_feeder: None
) -> None:
    before, parent = await many(client, 2, countdown=600)
    fields: dict[str, Any] = {
        "tags": ["again"], "priority": 3, "parent_id": parent, "owner_ref": "x",
    }  # fmt: skip
    made = [*await many(client, 1, **fields, depends_on=[before]), *await many(client, 2, **fields)]
    old = [uuid.UUID(each) for each in made]
    orphan = world.add(user_id=bob, parent_id=uuid.UUID(UNKNOWN))
    lost = world.add(user_id=bob)
    world.force(lost, celery_task_name="gone.f")
    for task_id in (*old, orphan, lost):
        world.force(task_id, status="failed", completed_at=world.now())
    waiting = world.add(user_id=bob)
    ids = [str(each) for each in (*old, orphan, lost, waiting)]
    operation = await order(client, "retry", ids=ids[::-1])
    items = (await client.get(f"{OPERATIONS}/{operation['id']}/items")).json()
    assert [item["outcome"] for item in items] == [
        *["retried"] * 4, "refused", "not_finished",
    ]  # fmt: skip
    assert world.row(uuid.UUID(items[3]["new_task_id"])).parent_id is None
    assert "gone.f" in items[4]["reason"]
    made = [item["new_task_id"] for item in items[:3]]
    assert made == sorted(made)
    for new_id, old_id in zip(made, ids, strict=False):
        task = (await client.get(TASKS + new_id)).json()
        assert (task["retry_of"], task["status"], task["priority"]) == (old_id, "pending", 3)
        assert (task["tags"], task["owner_ref"]) == (["again"], "x")
        assert task["parent_id"] == parent
    first = (await client.get(TASKS + made[0])).json()
    assert first["depends_on"] == [before]
    assert world.row(uuid.UUID(made[0])).unmet_deps == 1
    assert (await client.get(f"{TASKS}count?tag=again")).json()["total"] == 6


async def test_a_task_goes_with_what_depends_on_it_and_not_without(
    client: httpx2.AsyncClient, bob: uuid.UUID, world: World
) -> None:
    base, kept = await many(client, 2, countdown=600)
    (middle,) = await many(client, 1, depends_on=[base])
    (top,) = await many(client, 1, depends_on=[middle])
    await many(client, 1, depends_on=[kept])
    running, _ = world.running(user_id=bob)
    ids = [base, kept, middle, top, str(running)]
    found = await outcomes(client, await order(client, "delete", ids=ids))
    assert [found[each] for each in ids] == [
        "deleted", "needed", "deleted", "deleted", "stopping",
    ]  # fmt: skip
    assert [await status_of(client, each) for each in ids] == [
        "gone", "pending", "gone", "gone", "running",
    ]  # fmt: skip


async def test_what_depends_on_a_task_may_have_the_older_id(client: httpx2.AsyncClient) -> None:
    body = {"tasks": [new_task(depends_on=["b"]), new_task(local_id="b", countdown=600)]}
    ids = (await client.post(BULK, json=body)).json()["ids"]
    assert (await order(client, "delete", ids=ids))["outcomes"] == {"deleted": 2}


# -- which tasks ----------------------------------------------------------------------------


async def test_a_filter_is_the_one_of_the_list(client: httpx2.AsyncClient) -> None:
    chosen = await many(client, 3, task_type="import", tags=["x"], countdown=600)
    others = await many(client, 2, task_type="import", countdown=600)
    wanted = {"status": ["pending", "running"], "task_type": "import", "tag": "x", "q": "N"}
    operation = await order(client, "cancel", filter=wanted)
    assert await outcomes(client, operation) == dict.fromkeys(chosen, "revoked")
    assert operation["filter"] == wanted
    assert {await status_of(client, each) for each in others} == {"pending"}
    assert await outcomes(client, await order(client, "cancel", filter=wanted)) == {}


async def test_somebody_elses_tasks_do_not_match(api: Api, client: httpx2.AsyncClient) -> None:
    ada = await api.as_user("ada@example.org")
    hers, mine = await many(ada, 1, countdown=600), await many(client, 1, countdown=600)
    wanted = {"status": ["pending"]}
    assert await outcomes(client, await order(client, "delete", filter=wanted)) == {
        mine[0]: "deleted"
    }
    operator = await api.as_user("op@example.org", role="operator")
    assert await outcomes(operator, await order(operator, "delete", filter=wanted)) == {
        hers[0]: "deleted"
    }


async def test_a_dry_run_counts_and_shows_and_does_nothing(
    api: Api, client: httpx2.AsyncClient
) -> None:
    (hers,) = await many(await api.as_user("ada@example.org"), 1)
    ids = await many(client, 12, countdown=600)
    for which in ({"filter": {"queue": "default"}}, {"ids": [*ids, hers, UNKNOWN]}):
        for action in ("cancel", "retry", "delete"):
            told = await order(client, action, **which, dry_run=True)
            assert set(told) == {"total", "sample"}
            assert told["total"] == 12
            assert [task["id"] for task in told["sample"]] == ids[:1:-1]
    assert (await client.get(f"{TASKS}count")).json()["pending"] == 12
    assert (await client.get(OPERATIONS)).json() == []


BAD: list[tuple[Any, list[Any]]] = [
    ({}, []),
    ({"dry_run": True}, []),
    ({"ids": [UNKNOWN], "filter": {"tag": "x"}}, []),
    ({"ids": []}, ["ids"]),
    ({"ids": ["x"]}, ["ids", 0]),
    ({"ids": [UNKNOWN] * 10_001}, ["ids"]),
    ({"filter": {}}, ["filter"]),
    ({"filter": {"queue": None}}, ["filter"]),
    ({"filter": {"status": []}}, ["filter", "status"]),
    ({"filter": {"status": ["done"]}}, ["filter", "status", 0]),
    ({"filter": {"status": "failed"}}, ["filter", "status"]),
    ({"filter": {"colour": "red"}}, ["filter", "colour"]),
    ({"filter": {"priority": "2"}}, ["filter", "priority"]),
    ({"filter": {"q": ""}}, ["filter", "q"]),
    ({"filter": {"created_before": "2030-01-01T00:00:00"}}, ["filter", "created_before"]),
    ({"ids": [UNKNOWN], "dry_run": 1}, ["dry_run"]),
    ({"ids": [UNKNOWN], "more": 1}, ["more"]),
]


@on_sqlite
async def test_an_order_that_does_not_say_which_is_refused(client: httpx2.AsyncClient) -> None:
    await many(client, 1)
    for body, place in BAD:
        answer = await client.post(f"{BULK}/delete", json=body)
        locs = [error["loc"] for error in problem_of(answer, 422)["errors"]]
        assert locs == [["body", *place]], body
    problem_of(await client.post(f"{BULK}/delete?dry_run=true", json={"ids": [UNKNOWN]}), 422)
    assert (await client.get(f"{TASKS}count")).json()["total"] == 1


async def test_however_many_match_each_is_chosen_once(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_operations, "PAGE", 2)
    for count in (4, 5):
        ids = await many(client, count, countdown=600)
        operation = await order(client, "delete", filter={"status": ["pending", "failed"]})
        assert await outcomes(client, operation) == dict.fromkeys(ids, "deleted")


async def test_too_many_at_once_are_refused_and_nothing_is_kept(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_operations, "MAX_TASKS", 5)
    await many(client, 6, countdown=600)
    answer = await client.post(f"{BULK}/cancel", json={"filter": {"queue": "default"}})
    assert problem_of(answer, 422)["code"] == "too_many"
    assert (await client.get(OPERATIONS)).json() == []
    assert (await client.get(f"{TASKS}count")).json()["pending"] == 6


# -- large ones -----------------------------------------------------------------------------


async def test_a_large_one_goes_on_by_itself_about_the_tasks_of_its_moment(
    client: httpx2.AsyncClient, world: World, few: None
) -> None:
    ids = await many(client, 250, countdown=600)
    operation = await order(client, "cancel", filter={"queue": "default"})
    assert (operation["total"], operation["done"], operation["status"]) == (250, 0, "running")
    assert await outcomes(client, operation) == dict.fromkeys(ids)
    (late,) = await many(client, 1, countdown=600)
    await client.delete(TASKS + ids[0])
    path = f"{OPERATIONS}/{operation['id']}"
    for batch, done, status in (
        (100, 100, "running"),
        (100, 200, "running"),
        (50, 250, "finished"),
    ):
        assert (await operations.run_once(world.database, 5)).tasks == batch
        now = (await client.get(path)).json()
        assert (now["done"], now["status"]) == (done, status)
        assert sum(now["outcomes"].values()) == done
        assert (now["ended_at"] is None) == (status == "running")
    assert (await operations.run_once(world.database, 5)).tasks == 0
    assert now["outcomes"] == {"not_found": 1, "revoked": 249}
    assert await status_of(client, late) == "pending"


async def test_pages_of_items_hold_every_task_once(
    client: httpx2.AsyncClient, world: World, few: None
) -> None:
    ids = await many(client, 5, countdown=600)
    await client.delete(TASKS + ids[2])
    operation = await order(client, "cancel", ids=ids)
    await operations.run_once(world.database, 5)
    seen: list[str] = []
    path: str | None = f"{OPERATIONS}/{operation['id']}/items?limit=2"
    while path:
        answer = await client.get(path)
        seen += [item["task_id"] for item in answer.json()]
        path = answer.links.get("next", {}).get("url")
    assert seen == ids
    some = await client.get(f"{OPERATIONS}/{operation['id']}/items?outcome=not_found")
    assert [item["task_id"] for item in some.json()] == [ids[2]]


async def test_abort_keeps_what_is_done_and_does_no_more(
    client: httpx2.AsyncClient, world: World, few: None
) -> None:
    ids = await many(client, 150, countdown=600)
    operation = await order(client, "cancel", ids=ids)
    path = f"{OPERATIONS}/{operation['id']}"
    await operations.run_once(world.database, 5)
    for _ in range(2):
        aborted = await client.post(f"{path}/abort")
        assert (aborted.status_code, aborted.json()["status"]) == (200, "aborted")
    assert (await operations.run_once(world.database, 5)).tasks == 0
    now = (await client.get(path)).json()
    assert (now["done"], now["total"], now["ended_at"] is None) == (100, 150, False)
    assert world.statuses() == {"revoked": 100, "pending": 50}
    finished = await order(client, "cancel", ids=ids[:1])
    refused = await client.post(f"{OPERATIONS}/{finished['id']}/abort")
    assert problem_of(refused, 409)["code"] == "finished"


async def test_operations_are_those_of_who_ordered_them(
    api: Api, client: httpx2.AsyncClient, few: None
) -> None:
    ids = await many(client, 4, countdown=600)
    mine = [(await order(client, "cancel", ids=ids))["id"] for _ in range(3)]
    ada = await api.as_user("ada@example.org")
    for operation in (mine[0], UNKNOWN):
        for method, path in (("GET", ""), ("GET", "/items"), ("POST", "/abort")):
            problem_of(await ada.request(method, f"{OPERATIONS}/{operation}{path}"), 404)
    assert (await ada.get(OPERATIONS)).json() == []
    operator = await api.as_user("op@example.org", role="operator")
    for reader in (client, operator):
        page = await reader.get(f"{OPERATIONS}?limit=2")
        rest = await reader.get(page.links["next"]["url"])
        listed = [each["id"] for each in (*page.json(), *rest.json())]
        assert listed == mine[::-1]
        assert "next" not in rest.links
    assert (await operator.post(f"{OPERATIONS}/{mine[0]}/abort")).status_code == 200
    running = (await client.get(f"{OPERATIONS}?status=running")).json()
    assert [each["id"] for each in running] == mine[:0:-1]


async def test_somebody_has_ten_large_ones_at_a_time(
    api: Api, client: httpx2.AsyncClient, few: None
) -> None:
    ids = await many(client, 4, countdown=600)
    for _ in range(10):
        last = await order(client, "cancel", ids=ids)
    refused = await client.post(f"{BULK}/cancel", json={"ids": ids})
    assert problem_of(refused, 409)["code"] == "too_many_running"
    await order(client, "cancel", ids=ids[:3])
    ada = await api.as_user("ada@example.org")
    await order(ada, "cancel", ids=ids)
    await client.post(f"{OPERATIONS}/{last['id']}/abort")
    await order(client, "cancel", ids=ids)


async def test_running_ones_of_others_are_seen_by_their_rights_when_ordered(
    api: Api, client: httpx2.AsyncClient, world: World, few: None
) -> None:
    """What somebody may touch is settled with the order, not by who carries it out."""
    hers = await many(await api.as_user("ada@example.org"), 2, countdown=600)
    mine = await many(client, 2, countdown=600)
    operation = await order(client, "cancel", ids=[*hers, *mine])
    await operations.run_once(world.database, 5)
    found = await outcomes(client, operation)
    assert [found[each] for each in (*hers, *mine)] == [*["not_found"] * 2, *["revoked"] * 2]
    assert world.statuses() == {"pending": 2, "revoked": 2}


async def test_a_small_one_that_outlived_its_request_is_finished_by_an_agent(
    client: httpx2.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await many(client, 2, countdown=600)

    async def dies(_: uuid.UUID) -> int:
        raise ConnectionError("the process dies")

    with monkeypatch.context() as patch:
        patch.setattr("app.services.bulk_work.advance", dies)
        problem_of(await client.post(f"{BULK}/cancel", json={"ids": ids}), 503)
    (left,) = (await client.get(OPERATIONS)).json()
    assert (left["status"], left["done"]) == ("running", 0)
    assert (await operations.run_once(world.database, 5)).tasks == 2
    assert {await status_of(client, each) for each in ids} == {TaskStatus.REVOKED.value}
