"""Error groups over HTTP: lists, states, tasks, and running them again."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from app.db.base import dump_json
from app.domain.lifecycle import TaskStatus
from app.models import EVERYBODY, Task
from app.services import error_group as service
from app.services.retrying import retry_each
from tests.support.api import Api, problem_of
from tests.support.databases import on_sqlite
from tests.support.failures import error, fail, group, groups
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

GROUPS = "/api/v1/error-groups"
ADD = "tests.support.tasks.add"
_SOME_ID = "01a20e72-6ec7-74d0-bc60-000000000000"


async def id_of(client: httpx2.AsyncClient) -> uuid.UUID:
    """Who the client is."""
    return uuid.UUID((await client.get("/api/v1/users/me")).json()["id"])


async def the_group(client: httpx2.AsyncClient) -> dict[str, Any]:
    """The only one there is."""
    (found,) = (await client.get(GROUPS)).json()
    return dict(found)


async def test_a_group_tells_what_failed_and_how_often(api: Api, world: World) -> None:
    operator = await api.as_user()
    fail(world, "no order 1")
    last = fail(world, "no order 2")
    group(world)
    found = await the_group(operator)
    assert {name: found[name] for name in ("type", "message", "state", "failures", "tasks")} == {
        "type": "LookupError", "message": "no order 2", "state": "open", "failures": 2, "tasks": 2,
    }  # fmt: skip
    assert (found["last_task_id"], found["regressed"]) == (str(last[0]), False)
    assert "traceback" not in found
    whole = (await operator.get(f"{GROUPS}/{found['id']}")).json()
    assert whole == {**found, "traceback": None}


async def test_newest_seen_first_page_by_page(api: Api, world: World) -> None:
    operator = await api.as_user()
    for number in range(5):
        fail(world, kind=f"Error{number}")
    group(world)
    seen: list[str] = []
    target = f"{GROUPS}?limit=2&state=open"
    for size in (2, 2, 1):
        page = await operator.get(target)
        assert len(page.json()) == size
        seen += [each["type"] for each in page.json()]
        target = page.links.get("next", {}).get("url", "")
    assert target == ""
    rows = sorted(groups(world), key=lambda row: (row.last_seen_at, row.id), reverse=True)
    assert seen == [row.type for row in rows]


@pytest.mark.parametrize(
    ("params", "types"),
    [
        ({"type": "KeyError"}, {"KeyError"}),
        ({"celery_task_name": ADD}, {"KeyError"}),
        ({"q": "PAPER"}, {"OSError"}),
        ({"q": "keyerr"}, {"KeyError"}),
        ({"q": "%"}, set()),
        ({"state": "open"}, {"OSError", "KeyError"}),
        ({"state": "resolved"}, {"ValueError"}),
        ({"state": "resolved", "type": "KeyError"}, set()),
    ],
)
async def test_filters_restrict(
    api: Api, world: World, params: dict[str, str], types: set[str]
) -> None:
    operator = await api.as_user()
    fail(world, "out of paper", "OSError")
    fail(world, "'price'", "KeyError", function=ADD, args=[1, 2])
    fail(world, "bad", "ValueError")
    group(world)
    (bad,) = [row for row in groups(world) if row.type == "ValueError"]
    assert (await operator.post(f"{GROUPS}/{bad.id}/resolve")).status_code == 200
    found = await operator.get(GROUPS, params=params)
    assert {each["type"] for each in found.json()} == types


@pytest.mark.parametrize(
    "params",
    [
        {"state": "closed"},
        {"limit": "0"},
        {"limit": "501"},
        {"cursor": "x"},
        {"cursor": "WzEsMl0"},
        {"type": " "},
        {"q": ""},
        {"owner": "somebody"},
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, params: dict[str, str]) -> None:
    operator = await api.as_user()
    problem_of(await operator.get(GROUPS, params=params), 422)


async def test_a_group_is_resolved_reopened_and_comes_back(api: Api, world: World) -> None:
    operator = await api.as_user()
    fail(world)
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}"
    first = (await operator.post(f"{path}/resolve")).json()
    assert (first["state"], first["resolved_by"]) == ("resolved", "admin@localhost")
    assert (await operator.post(f"{path}/resolve")).json() == first
    opened = (await operator.post(f"{path}/reopen")).json()
    assert (opened["state"], opened["resolved_at"], opened["regressed"]) == ("open", None, False)
    assert (await operator.post(f"{path}/reopen")).json() == opened
    await operator.post(f"{path}/resolve")
    fail(world)
    group(world)
    back = (await operator.get(path)).json()
    assert (back["state"], back["regressed"], back["failures"]) == ("open", True, 2)
    assert back["regressed_at"] == back["last_seen_at"]
    assert (await operator.post(f"{path}/resolve")).json()["regressed"] is False


async def test_users_see_groups_and_numbers_of_their_own_tasks(api: Api, world: World) -> None:
    ada, bob = await api.as_user("ada@x.org"), await api.as_user("bob@x.org")
    operator = await api.as_user("op@x.org", "operator")
    adas = fail(world, "order of ada", user_id=await id_of(ada))
    fail(world, "order of bob", "BobsError", user_id=await id_of(bob))
    fail(world, "order of ada", user_id=await id_of(bob))
    fail(world, "of the system", "SystemError")
    group(world)
    mine = await the_group(ada)
    assert (mine["type"], mine["failures"], mine["tasks"]) == ("LookupError", 1, 1)
    tasks = (await ada.get(f"{GROUPS}/{mine['id']}/tasks")).json()
    assert [task["id"] for task in tasks] == [str(adas[0])]
    everybodys = {each["type"]: each for each in (await operator.get(GROUPS)).json()}
    assert set(everybodys) == {"LookupError", "BobsError", "SystemError"}
    assert everybodys["LookupError"]["tasks"] == 2
    shared = everybodys["LookupError"]["id"]
    assert len((await operator.get(f"{GROUPS}/{shared}/tasks")).json()) == 2
    for named in (shared, (await bob.get(GROUPS)).json()[0]["id"], _SOME_ID):
        for method, rest in [
            ("GET", ""), ("GET", "/tasks"),
            ("POST", "/resolve"), ("POST", "/reopen"), ("POST", "/retry"),
        ]:  # fmt: skip
            answer = await ada.request(method, f"{GROUPS}/{named}{rest}")
            assert problem_of(answer, 404)["detail"] == "There is no such error group"
    await operator.post(f"{GROUPS}/{shared}/resolve")
    assert (await the_group(ada))["state"] == "open"


async def test_tasks_of_a_group_page_by_page(api: Api, world: World) -> None:
    operator = await api.as_user()
    pairs = [fail(world) for _ in range(3)]
    fail(world, kind="KeyError")
    group(world)
    (row,) = [each for each in groups(world) if each.type == "LookupError"]
    first = await operator.get(f"{GROUPS}/{row.id}/tasks", params={"limit": 2})
    second = await operator.get(first.links["next"]["url"])
    found = [task["id"] for task in [*first.json(), *second.json()]]
    assert found == [str(task_id) for task_id, _ in reversed(pairs)]
    assert "next" not in second.links
    problem_of(await operator.get(f"{GROUPS}/{row.id}/tasks", params={"cursor": "x"}), 422)


# Running them again


async def test_every_task_that_is_still_failed_runs_again_once(api: Api, world: World) -> None:
    operator = await api.as_user()
    owner = uuid.uuid4()
    pairs = [fail(world, user_id=owner, priority=4, tags=["x"]), fail(world, max_attempts=3)]
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    done = (await operator.post(path)).json()
    assert (len(done["ids"]), done["refused"], done["left"]) == (2, [], 0)
    new = {(row := world.row(uuid.UUID(each))).retry_of: row for each in done["ids"]}
    assert set(new) == {task_id for task_id, _ in pairs}
    first, second = new[pairs[0][0]], new[pairs[1][0]]
    assert (first.user_id, first.priority, first.tags) == (owner, 4, ["x"])
    assert (first.status, first.attempt, second.user_id, second.max_attempts) == (
        "pending", 0, None, 3,
    )  # fmt: skip
    assert (await operator.post(path)).json() == {"ids": [], "refused": [], "left": 0}


async def test_two_requests_at_once_make_one_retry_of_each_task(api: Api, world: World) -> None:
    ada, operator = await api.as_user("ada@x.org"), await api.as_user()
    owner = await id_of(ada)
    for _ in range(4):
        fail(world, user_id=owner)
    group(world)
    paths = [f"{GROUPS}/{(await the_group(client))['id']}/retry" for client in (ada, operator)]
    answers = await asyncio.gather(*(ada.post(paths[0]), operator.post(paths[1])))
    assert sorted(len(answer.json()["ids"]) for answer in answers) == [0, 4]


async def test_what_fails_again_can_run_again(api: Api, world: World) -> None:
    operator = await api.as_user()
    fail(world)
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    (again,) = (await operator.post(path)).json()["ids"]
    task_id = uuid.UUID(again)
    world.mark(task_id)
    (row,) = world.claim(world.pair(task_id))
    world.settle((row.id, row.celery_id), status=TaskStatus.FAILED, error=dump_json(error()))
    group(world)
    (third,) = (await operator.post(path)).json()["ids"]
    assert world.row(uuid.UUID(third)).retry_of == task_id


async def test_a_retry_by_hand_counts_as_one(api: Api, world: World) -> None:
    operator = await api.as_user()
    pair = fail(world)
    group(world)
    assert (await operator.post(f"/api/v1/tasks/{pair[0]}/retry")).status_code == 201
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    assert (await operator.post(path)).json()["ids"] == []


async def test_a_request_is_bounded_and_says_what_is_left(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_RETRIED", 2)
    monkeypatch.setattr(service, "PART", 1)
    operator = await api.as_user()
    pairs = [fail(world) for _ in range(5)]
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    seen: list[uuid.UUID] = []
    for left in (3, 1, 0):
        done = (await operator.post(path)).json()
        assert done["left"] == left
        seen += [world.row(uuid.UUID(each)).retry_of for each in done["ids"]]
    assert seen == [task_id for task_id, _ in reversed(pairs)]


async def test_arguments_are_bounded_too(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_RETRIED_BYTES", 2500)
    operator = await api.as_user()
    for _ in range(3):
        fail(world, function="tests.support.tasks.echo", args=["x" * 1000])
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    done = [(await operator.post(path)).json() for _ in range(2)]
    assert [(len(each["ids"]), each["left"]) for each in done] == [(2, 1), (1, 0)]


async def test_what_is_cut_off_in_the_middle_is_gone_on_with(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await api.as_user()
    failed = [fail(world, function=ADD, args=[1, 2])[0] for _ in range(5)]
    group(world)
    group_id = uuid.UUID((await the_group(operator))["id"])
    monkeypatch.setattr(service, "PART", 2)
    calls: list[int] = []

    async def breaks_off(*given: Any, **named: Any) -> Any:
        calls.append(len(given[1]))
        if len(calls) == 2:
            raise asyncio.CancelledError
        return await retry_each(*given, **named)

    monkeypatch.setattr(service, "retry_each", breaks_off)
    with pytest.raises(asyncio.CancelledError):
        await service.retry(group_id)
    assert _retried(world) == set(failed[3:])
    done = await service.retry(group_id)
    assert (len(done.ids), done.left, calls) == (3, 0, [2, 2, 2, 1])
    assert _retried(world) == set(failed)


def _retried(world: World) -> set[uuid.UUID]:
    found = world.database.execute(select(Task.retry_of).where(Task.retry_of.is_not(None))).column()
    assert len(found) == len(set(found))
    return set(found)


@on_sqlite
async def test_a_large_group_may_take_longer_than_other_requests(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await api.as_user()
    for _ in range(4):
        fail(world, function=ADD, args=[1, 2])
    group(world)
    monkeypatch.setattr(service, "PART", 1)

    async def slow(*given: Any, **named: Any) -> Any:
        await asyncio.sleep(0.7)
        return await retry_each(*given, **named)

    monkeypatch.setattr(service, "retry_each", slow)
    answer = await operator.post(f"{GROUPS}/{(await the_group(operator))['id']}/retry")
    assert (answer.status_code, len(answer.json()["ids"])) == (200, 4)


async def test_one_that_does_not_fit_any_more_keeps_nobody_else_from_it(
    api: Api, world: World
) -> None:
    operator = await api.as_user()
    good, bad = (fail(world, function=ADD, args=[1, 2]) for _ in range(2))
    orphan = fail(world, function=ADD, args=[1, 2])
    world.force(bad[0], args=["one"])
    world.force(orphan[0], parent_id=uuid.UUID(_SOME_ID))
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    done = (await operator.post(path)).json()
    made = {row.retry_of: row for row in (world.row(uuid.UUID(each)) for each in done["ids"])}
    assert set(made) == {good[0], orphan[0]}
    assert made[orphan[0]].parent_id is None
    assert [each["task_id"] for each in done["refused"]] == [str(bad[0])]
    assert done["left"] == 1


async def test_a_function_that_is_gone_is_named(api: Api, world: World) -> None:
    operator = await api.as_user()
    pair = fail(world)
    world.force(pair[0], celery_task_name="shop.tasks.gone")
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    assert "shop.tasks.gone" in problem_of(await operator.post(path), 422)["detail"]


async def test_dependencies_come_along_as_far_as_they_are_there(api: Api, world: World) -> None:
    operator = await api.as_user()
    body = {
        "name": "n", "task_type": "t", "celery_task_name": ADD, "args": [1, 2],
        "on_dependency_failure": "run",
    }  # fmt: skip
    needed = world.running()
    made = await operator.post("/api/v1/tasks/", json={**body, "depends_on": [str(needed[0])]})
    task_id = uuid.UUID(made.json()["id"])
    world.settle(needed)
    world.force(task_id, unmet_deps=0, rank=0)
    world.mark(task_id)
    (row,) = world.claim(world.pair(task_id))
    world.settle((row.id, row.celery_id), status=TaskStatus.FAILED, error=dump_json(error()))
    group(world)
    path = f"{GROUPS}/{(await the_group(operator))['id']}/retry"
    (again,) = (await operator.post(path)).json()["ids"]
    assert world.row(uuid.UUID(again)).depends_on == [str(needed[0])]


async def test_a_user_runs_own_tasks_again_and_nobody_elses(api: Api, world: World) -> None:
    ada = await api.as_user("ada@x.org")
    mine = fail(world, user_id=await id_of(ada))
    fail(world, user_id=uuid.uuid4())
    group(world)
    path = f"{GROUPS}/{(await the_group(ada))['id']}/retry"
    done = (await ada.post(path)).json()
    assert [world.row(uuid.UUID(each)).retry_of for each in done["ids"]] == [mine[0]]
    assert done["left"] == 0
    (everybodys,) = groups(world, EVERYBODY)
    operator = await api.as_user()
    rest = (await operator.post(f"{GROUPS}/{everybodys.id}/retry")).json()
    assert (len(rest["ids"]), rest["left"]) == (1, 0)
