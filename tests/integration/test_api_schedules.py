"""Schedules over HTTP: what is accepted, who sees it, and what can be done with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from celery.beat import BeatLazyFunc
from sqlalchemy import update

from app.core.config import Settings, get_settings
from app.models import Schedule
from app.scheduler import firing
from app.scheduler.entries import read
from app.services.catalogue import catalogue
from tests.support.api import Api, problem_of
from tests.support.databases import on_sqlite
from tests.support.environment import use_settings
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")

SCHEDULES = "/api/v1/schedules/"
ADD = "tests.support.tasks.add"
_SOME_ID = "01a20e72-6ec7-74d0-bc60-000000000000"
# What is not about statements.
HOUR = {"kind": "interval", "interval_seconds": 3600}


def new_schedule(**changes: Any) -> dict[str, Any]:
    """A body that makes a schedule, with some of it changed; `...` leaves a field out."""
    body = {"name": "sum", **HOUR, "celery_task_name": ADD, "args": [1, 2], **changes}
    return {name: value for name, value in body.items() if value is not ...}


def new_cron(expression: str, **changes: Any) -> dict[str, Any]:
    return new_schedule(**{"kind": "cron", "cron": expression, "interval_seconds": ..., **changes})


async def make(client: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post(SCHEDULES, json=new_schedule(**changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def be_due(world: World, seconds: float = 0.5) -> None:
    """As if the slot of every schedule had come that long ago."""
    slot = world.now() - timedelta(seconds=seconds)
    world.database.execute(update(Schedule).values(next_fire=slot))


def tick(world: World) -> int:
    """What a beat does at each tick; how many schedules have fired."""
    return len(firing.run_once(world.database, {}, catalogue()).fired)


async def look(client: httpx2.AsyncClient, schedule: dict[str, Any]) -> dict[str, Any]:
    return dict((await client.get(SCHEDULES + schedule["id"])).json())


async def history(client: httpx2.AsyncClient, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await client.get(f"{SCHEDULES}{schedule['id']}/history")).json())


async def act(
    client: httpx2.AsyncClient, schedule: dict[str, Any], verb: str, status: int = 200
) -> dict[str, Any]:
    answer = await client.post(f"{SCHEDULES}{schedule['id']}/{verb}")
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_schedule_is_made_and_its_slots_make_tasks_of_its_owner(
    api: Api, world: World
) -> None:
    client = await api.as_user("owner@example.org")
    made = await make(
        client, priority=3, tags=["a", "b"], max_attempts=2, owner_ref="7", expires_in=60, task_type="t"
    )  # fmt: skip
    assert made == await look(client, made)
    assert made["next_fire_at"] == made["next_fires"][0]
    gaps = {b - a for a, b in pairwise(map(moment, made["next_fires"]))}
    assert (len(made["next_fires"]), gaps) == (5, {timedelta(hours=1)})
    assert (made["source"], made["description"]) == ("api", {"en": "Every hour", "zh": "每 1 小时"})
    be_due(world)
    assert tick(world) == 1
    (task,) = (await client.get("/api/v1/tasks/", params={"tag": "b"})).json()
    assert (task["name"], task["args"], task["status"]) == ("sum", [1, 2], "pending")
    assert (task["priority"], task["max_attempts"], task["owner_ref"]) == (3, 2, "7")
    assert (task["task_type"], task["user_id"]) == ("t", made["user_id"])
    age = moment(task["expires_at"]) - moment(task["created_at"])
    assert timedelta(seconds=59) < age < timedelta(seconds=61)
    after = await look(client, made)
    (fired,) = await history(client, made)
    assert (fired["task_id"], fired["task_status"]) == (task["id"], "pending")
    assert (fired["outcome"], fired["trigger"]) == ("fired", "slot")
    assert (after["last_task_id"], after["last_fire_at"]) == (task["id"], fired["fire_at"])
    assert moment(after["next_fire_at"]) - moment(fired["fire_at"]) == timedelta(hours=1)


@on_sqlite
async def test_cron_once_and_their_ends(api: Api) -> None:
    client = await api.as_user()
    nightly = await client.post(
        SCHEDULES, json=new_cron("30  3 * * mon-fri", timezone="Europe/Berlin")
    )
    assert nightly.json()["cron"] == "30 3 * * mon-fri"
    assert nightly.json()["description"]["en"] == "At 03:30, on Monday to Friday (Europe/Berlin)"
    default = await client.post(SCHEDULES, json=new_cron("0 4 * * *", name="default zone"))
    assert default.json()["timezone"] == get_settings().celery_timezone
    once = await make(
        client, name="once", kind="once", interval_seconds=..., at="2090-01-31T08:00:00+08:00"
    )
    assert once["next_fires"] == ["2090-01-31T00:00:00Z"]
    ends = await make(
        client, name="ends", start_at="2090-01-01T00:00:00Z", end_at="2090-01-01T01:30:00Z"
    )
    assert ends["next_fires"] == ["2090-01-01T00:00:00Z", "2090-01-01T01:00:00Z"]
    leap = await client.post(SCHEDULES, json=new_cron("0 0 29 2 *", name="leap", timezone="UTC"))
    assert leap.json()["next_fires"][0].endswith("-02-29T00:00:00Z")


REFUSED: list[tuple[dict[str, Any], str]] = [
    (new_cron("0 0 30 2 *"), "never fires: those months have no such day"),
    (new_cron("0 0 * 2 MON#5"), "within the next five years"),
    (new_cron("every day"), "not a cron expression"),
    (new_cron("0 0 * * * *"), "6 fields, not five"),
    (new_cron("0 0 * * *", timezone="Mars/Olympus"), "is not a time zone"),
    (new_cron("0 0 * * *", timezone="../etc/passwd"), "is not a time zone"),
    (new_cron("0 0 1 1 *", end_at="2000-01-01T00:00:00Z"), "no slot before end_at"),
    (new_cron("0 0 * * *", interval_seconds=60), "does not go with the kind cron"),
    (new_schedule(interval_seconds=9), "An interval is 10 s to ten years"),
    (new_schedule(interval_seconds=400_000_000), "An interval is 10 s to ten years"),
    (new_schedule(interval_seconds=60.5), "valid integer"),
    (new_schedule(interval_seconds=...), "needs interval_seconds"),
    (new_schedule(timezone="UTC"), "does not go with the kind interval"),
    (
        new_schedule(start_at="2090-01-02T00:00:00Z", end_at="2090-01-01T00:00:00Z"),
        "end_at must be after start_at",
    ),
    (
        new_schedule(kind="once", interval_seconds=..., at="2020-01-01T00:00:00Z"),
        "at is in the past",
    ),
    (new_schedule(kind="weekly"), "'cron', 'interval' or 'once'"),
    (new_schedule(name=" "), "blank"),
    (new_schedule(name="x" * 201), "at most 200"),
    (new_schedule(colour="red"), "Extra inputs"),
    (new_schedule(depends_on=[]), "Extra inputs"),
    (new_schedule(celery_task_name=f"{ADD}d"), "did you mean"),
    (new_schedule(args=[1]), "missing a required argument"),
    (new_schedule(queue="nowhere"), "not a known queue"),
    (new_schedule(overlap="queue"), "'allow' or 'skip'"),
    (new_schedule(misfire="all"), "'skip' or 'run_once'"),
    (new_schedule(paused="yes"), "valid boolean"),
    (new_schedule(expires_in=0), "greater than 0"),
    (new_schedule(priority=5), "less than or equal to 4"),
    (new_schedule(time_limit=1, soft_time_limit=2), "below the time limit, 1 s"),
]


@on_sqlite
async def test_what_never_fires_or_makes_no_sense_is_refused(api: Api) -> None:
    client = await api.as_user()
    for body, sentence in REFUSED:
        answer = await client.post(SCHEDULES, json=body)
        assert answer.status_code == 422, (sentence, answer.text)
        problem = problem_of(answer, 422)
        assert sentence in problem["detail"], problem
    assert (await client.get(SCHEDULES)).json() == []


async def test_somebody_elses_schedule_is_like_one_that_does_not_exist(api: Api) -> None:
    owner, other = await api.as_user("owner@example.org"), await api.as_user("other@example.org")
    operator = await api.as_user("op@example.org", role="operator")
    made = await make(owner)
    requests = [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"),
        ("POST", "/run"), ("GET", "/history"),
    ]  # fmt: skip
    for method, rest in requests:
        body = {"name": "mine now"} if method == "PATCH" else None
        told = []
        for each in (made["id"], _SOME_ID):
            answer = await other.request(method, f"{SCHEDULES}{each}{rest}", json=body)
            problem = problem_of(answer, 404)
            told.append((problem["code"], problem["title"], problem["detail"]))
        assert told[0] == told[1], (method, rest)
    assert (await other.get(SCHEDULES)).json() == []
    assert await look(owner, made) == made
    assert [row["id"] for row in (await operator.get(SCHEDULES)).json()] == [made["id"]]
    assert (await act(operator, made, "pause"))["paused_by"] == "op@example.org"
    # The name is taken for its owner, not for others.
    assert (await make(other))["name"] == made["name"]


async def test_an_operator_who_has_it_run_makes_a_task_of_its_owner(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    operator = await api.as_user("op@example.org", role="operator")
    made = await make(owner)
    task = await act(operator, made, "run", 201)
    assert task["user_id"] == made["user_id"]
    assert (await owner.get(f"/api/v1/tasks/{task['id']}")).status_code == 200


async def test_a_name_is_given_once_a_user(api: Api) -> None:
    client = await api.as_user()
    first, second = await make(client), await make(client, name="other")
    answers = [
        await client.post(SCHEDULES, json=new_schedule()),
        await client.patch(SCHEDULES + second["id"], json={"name": first["name"]}),
    ]
    for answer in answers:
        problem = problem_of(answer, 409)
        assert (problem["code"], first["id"] in problem["detail"]) == ("name_taken", True)
    assert (await client.patch(SCHEDULES + first["id"], json={"name": "sum"})).status_code == 200


@pytest.fixture
def two_a_user(settings: Settings, clean_settings: pytest.MonkeyPatch) -> None:
    use_settings(clean_settings, schedules_per_user=2)


@pytest.mark.usefixtures("two_a_user")
async def test_a_user_has_no_more_schedules_than_the_setting_says(api: Api) -> None:
    client, other = await api.as_user("owner@example.org"), await api.as_user("other@example.org")
    answers = await asyncio.gather(
        *(client.post(SCHEDULES, json=new_schedule(name=f"n{number}")) for number in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    problem = problem_of(refused, 409)
    assert problem["code"] == "too_many_schedules"
    assert "SCHEDULES_PER_USER" in problem["detail"]
    assert (await other.post(SCHEDULES, json=new_schedule())).status_code == 201


async def test_newest_first_page_by_page(api: Api) -> None:
    client = await api.as_user()
    names = [(await make(client, name=f"n{number}"))["name"] for number in range(5)]
    seen: list[str] = []
    target = f"{SCHEDULES}?limit=2"
    for size in (2, 2, 1):
        page = await client.get(target)
        assert len(page.json()) == size
        seen += [each["name"] for each in page.json()]
        target = page.links.get("next", {}).get("url", "")
    assert (target, seen) == ("", names[::-1])
    assert "next_fires" not in page.json()[0]


async def test_filters_restrict(api: Api) -> None:
    client = await api.as_user()
    await make(client)
    await make(client, name="noop", celery_task_name="tests.support.tasks.noop", args=[])
    await make(client, name="held", paused=True)
    for query, names in {
        "paused=true": {"held"},
        "paused=false": {"sum", "noop"},
        "name=sum": {"sum"},
        "celery_task_name=tests.support.tasks.noop": {"noop"},
        "source=api": {"sum", "noop", "held"},
        "source=static": set(),
    }.items():
        found = await client.get(f"{SCHEDULES}?{query}")
        assert {each["name"] for each in found.json()} == names, query


@on_sqlite
async def test_queries_are_strict(api: Api) -> None:
    client = await api.as_user()
    made = await make(client)
    lists = ("limit=0", "limit=501", "cursor=x", "cursor=WzEsMl0", "paused=yes", "source=x")
    for query in (*lists, "colour=red"):
        problem_of(await client.get(f"{SCHEDULES}?{query}"), 422)
    for cursor in ("x", "WzFd", "WyJhIiwiYiJd", "WzFlNDAsInNsb3QiXQ", "WzEsMl0"):
        problem_of(await client.get(f"{SCHEDULES}{made['id']}/history?cursor={cursor}"), 422)


@on_sqlite
async def test_other_fields_change_without_a_change_of_the_slots(api: Api) -> None:
    client = await api.as_user()
    made = await make(client, owner_ref="7", start_at="2090-01-01T00:00:00Z")
    changes = {"name": "total", "args": [5, 6], "priority": 4, "overlap": "skip", "owner_ref": None}
    answer = await client.patch(SCHEDULES + made["id"], json=changes)
    assert answer.json() == {
        **made, **changes, "version": 2, "updated_at": answer.json()["updated_at"]
    }  # fmt: skip
    assert await look(client, made) == answer.json()


@on_sqlite
async def test_times_change_from_now_on(api: Api) -> None:
    client = await api.as_user()
    path = SCHEDULES + (await make(client, start_at="2090-01-01T00:00:00Z"))["id"]
    faster = (await client.patch(path, json={"interval_seconds": 60})).json()
    assert faster["next_fires"][:2] == ["2090-01-01T00:00:00Z", "2090-01-01T00:01:00Z"]
    sooner = (await client.patch(path, json={"start_at": None})).json()
    assert moment(sooner["next_fire_at"]) < datetime.now(UTC) + timedelta(minutes=5)
    other = await client.patch(path, json={"kind": "cron", "cron": "0 0 * * *", "timezone": "UTC"})
    assert (other.json()["kind"], other.json()["interval_seconds"]) == ("cron", None)
    assert other.json()["next_fire_at"].endswith("T00:00:00Z")
    back = (await client.patch(path, json={"kind": "interval", "interval_seconds": 90})).json()
    assert (back["cron"], back["timezone"], back["interval_seconds"]) == (None, None, 90)


REFUSED_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({}, "changes nothing"),
    ({"name": None}, "name must not be null"),
    ({"kind": "once"}, "needs at"),
    ({"interval_seconds": 5}, "An interval is 10 s"),
    ({"interval_seconds": None}, "needs interval_seconds"),
    ({"cron": "0 0 * * *"}, "does not go with the kind interval"),
    ({"end_at": "2020-01-01T00:00:00Z"}, "no slot before end_at"),
    ({"args": ["x"]}, "missing a required argument"),
    ({"celery_task_name": "no.such"}, "not registered"),
    ({"paused": True}, "Extra inputs"),
    ({"source": "static"}, "Extra inputs"),
]


@on_sqlite
async def test_a_change_is_checked_like_a_new_schedule(api: Api) -> None:
    client = await api.as_user()
    made = await make(client)
    for changes, sentence in REFUSED_CHANGES:
        problem = problem_of(await client.patch(SCHEDULES + made["id"], json=changes), 422)
        assert sentence in problem["detail"], problem
    assert await look(client, made) == made


async def test_a_change_is_for_the_version_it_names(api: Api) -> None:
    client = await api.as_user()
    path = SCHEDULES + (await make(client))["id"]
    first = await client.patch(path, json={"priority": 1}, headers={"If-Match": '"1"'})
    second = await client.patch(path, json={"priority": 4}, headers={"If-Match": '"1"'})
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert problem_of(second, 412)["code"] == "version_mismatch"


async def test_a_deleted_schedule_leaves_its_tasks(api: Api, world: World) -> None:
    client = await api.as_user()
    made = await make(client)
    task = await act(client, made, "run", 201)
    answer = await client.request("DELETE", SCHEDULES + made["id"])
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    problem_of(await client.get(SCHEDULES + made["id"]), 404)
    problem_of(await client.request("DELETE", SCHEDULES + made["id"]), 404)
    assert (await client.get(f"/api/v1/tasks/{task['id']}")).json()["status"] == "pending"
    assert tick(world) == 0


async def test_run_now_makes_a_task_besides_the_slots(api: Api, world: World) -> None:
    client = await api.as_user()
    made = await make(client, paused=True, tags=["now"])
    first, second = await asyncio.gather(*(act(client, made, "run", 201) for _ in range(2)))
    assert (first["args"], first["tags"]) == ([1, 2], ["now"])
    after = await look(client, made)
    assert (after["paused"], after["next_fires"], after["last_fire_at"]) == (True, [], None)
    assert after["last_task_id"] in {first["id"], second["id"]}
    done = await history(client, made)
    assert {each["task_id"] for each in done} == {first["id"], second["id"]}
    assert {each["trigger"] for each in done} == {"manual"}


async def test_what_somebody_has_run_at_the_moment_of_a_slot_is_not_that_slot(
    api: Api, world: World
) -> None:
    client = await api.as_user()
    made = await make(client)
    task = await act(client, made, "run", 201)
    (ran,) = await history(client, made)
    world.database.execute(update(Schedule).values(next_fire=moment(ran["fire_at"])))
    assert tick(world) == 1
    slot, manual = await history(client, made)
    assert (slot["trigger"], manual["trigger"]) == ("slot", "manual")
    assert slot["fire_at"] == manual["fire_at"]
    assert slot["task_id"] != manual["task_id"] == task["id"]


@on_sqlite
async def test_what_code_decides_at_each_firing_cannot_be_run_out_of_turn(
    api: Api, world: World
) -> None:
    operator = await api.as_user()
    given = {"task": ADD, "schedule": 60, "args": (1, BeatLazyFunc(lambda: 2))}
    firing.sync(world.database, {"lazy": read("lazy", given, "UTC")})
    (static,) = (await operator.get(SCHEDULES)).json()
    assert static["args"] == [1, "(code decides)"]
    refused = await operator.post(f"{SCHEDULES}{static['id']}/run")
    assert problem_of(refused, 409)["code"] == "decided_by_code"


async def test_a_history_goes_on_page_by_page(api: Api, world: World) -> None:
    client = await api.as_user()
    made = await make(client)
    be_due(world, 7300)
    assert tick(world) == 1
    for _ in range(3):
        await act(client, made, "run", 201)
    seen: list[str] = []
    target = f"{SCHEDULES}{made['id']}/history?limit=2"
    for size in (2, 2, 1):
        page = await client.get(target)
        assert len(page.json()) == size
        seen += [each["fire_at"] for each in page.json()]
        target = page.links.get("next", {}).get("url", "")
    assert (target, seen) == ("", sorted(seen, reverse=True))
    left_out, fired = (await history(client, made))[-2:]
    assert (fired["outcome"], left_out["reason"]) == ("fired", "missed")
    assert left_out["until"] == (await look(client, made))["next_fire_at"]


async def test_the_code_s_schedules_are_for_operators_and_only_paused(
    api: Api, world: World
) -> None:
    user = await api.as_user("user@example.org")
    operator = await api.as_user("op@example.org", role="operator")
    options = {"queue": "lane", "routing_key": "lane.tasks", "expires": 30, "countdown": 1}
    given = {"task": ADD, "schedule": 60, "args": (1, 2), "options": options}
    entry = read("nightly", given, "UTC")
    firing.sync(world.database, {"nightly": entry})
    (static,) = (await operator.get(SCHEDULES)).json()
    assert (static["source"], static["user_id"], static["args"]) == ("static", None, [1, 2])
    assert (await user.get(SCHEDULES)).json() == []
    path = SCHEDULES + static["id"]
    problem_of(await user.get(path), 404)
    for answer in (
        await operator.patch(path, json={"priority": 4}),
        await operator.request("DELETE", path),
    ):
        assert problem_of(answer, 409)["code"] == "static_schedule"
    await act(operator, static, "pause")
    be_due(world)
    run = firing.run_once(world.database, {"nightly": entry}, catalogue())
    assert run.fired == []
    # A beat that starts anew leaves the pause alone.
    firing.sync(world.database, {"nightly": entry})
    assert (await look(operator, static))["paused"] is True
    await act(operator, static, "resume")
    assert len(firing.run_once(world.database, {"nightly": entry}, catalogue()).fired) == 1
    task = await act(operator, static, "run", 201)
    assert (task["user_id"], task["task_type"], task["queue"]) == (None, "scheduled", "lane")
    assert task["expires_at"] is not None
    assert [each["trigger"] for each in await history(operator, static)] == ["manual", "slot"]
