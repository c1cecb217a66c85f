"""Webhooks over HTTP: making, changing, testing, the log of deliveries; whose they are."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx2
import pytest

from app.maintenance.webhooks import Sender
from tests.support.api import ADMIN, Api, problem_of
from tests.support.databases import on_sqlite
from tests.support.environment import use_settings
from tests.support.receiver import receiving
from tests.support.webhooks import HOOK
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")
# Where the statements are not the matter.

HOOKS = "/api/v1/webhooks/"
_SOME_ID = "01a20e72-6ec7-74d0-bc60-000000000000"
ALL = ["task.succeeded", "task.failed", "task.revoked"]


async def create(client: httpx2.AsyncClient, **body: Any) -> dict[str, Any]:
    """A new webhook as it was answered."""
    answer = await client.post(HOOKS, json={"url": HOOK, **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def succeed(client: httpx2.AsyncClient, world: World, number: int = 1) -> None:
    """So many tasks of the client's user end."""
    me = (await client.get("/api/v1/users/me")).json()["id"]
    for _ in range(number):
        world.settle(world.running(user_id=uuid.UUID(me)))


async def test_the_secret_is_shown_once(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    made = await create(owner, filter={"queue": "default"}, events=["task.failed"])
    assert made["secret"].startswith("whsec_")
    assert {name: made[name] for name in ("url", "events", "filter", "scope", "active")} == {
        "url": HOOK, "events": ["task.failed"], "filter": {"queue": "default"}, "scope": "own",
        "active": True,
    }  # fmt: skip
    secret = made.pop("secret")
    one = (await owner.get(HOOKS + made["id"])).json()
    assert one == made
    rotated = (await owner.post(f"{HOOKS}{made['id']}/rotate-secret")).json()
    assert rotated["secret"] not in (secret, None)
    assert rotated["previous_until"] is not None


async def test_defaults_are_all_events_of_every_own_task(api: Api) -> None:
    made = await create(await api.as_user("owner@example.org"))
    assert (sorted(made["events"]), made["filter"]) == (sorted(ALL), {})


async def test_what_is_changed_is_changed_and_nothing_else(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    made = await create(owner, filter={"tag": "a"})
    del made["secret"]
    other = "https://example.org/other"
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"url": other}, {"url": other}),
        ({"events": ["task.revoked"]}, {"events": ["task.revoked"]}),
        ({"filter": {"queue": "q"}}, {"filter": {"queue": "q"}}),
        ({"filter": {}}, {"filter": {}}),
        ({"active": False}, {"active": False}),
    ]
    for body, expected in changes:
        changed = await owner.patch(HOOKS + made["id"], json=body)
        assert changed.status_code == 200, changed.text
        made |= {**expected, "updated_at": changed.json()["updated_at"]}
        assert changed.json() == made
    assert (await owner.delete(HOOKS + made["id"])).status_code == 204
    problem_of(await owner.get(HOOKS + made["id"]), 404)
    problem_of(await owner.delete(HOOKS + made["id"]), 404)


REFUSED: list[dict[str, Any]] = [
    {},
    {"url": 1},
    {"url": ""},
    {"url": "ftp://example.com"},
    {"url": "https://127.0.0.1/"},
    {"url": "https://[::ffff:169.254.169.254]/"},
    {"url": "https://2130706433/"},
    {"url": "https://user:pw@example.com/"},
    {"url": "https://example.com/" + "a" * 2048},
    {"url": HOOK, "events": []},
    {"url": HOOK, "events": ["task.created"]},
    {"url": HOOK, "events": [*ALL, "task.failed"]},
    {"url": HOOK, "filter": {"status": "failed"}},
    {"url": HOOK, "filter": {"queue": ""}},
    {"url": HOOK, "filter": {"tag": "a" * 65}},
    {"url": HOOK, "scope": "everybody"},
    {"url": HOOK, "active": "yes"},
    {"url": HOOK, "secret": "whsec_mine"},
]


@on_sqlite
async def test_what_makes_no_sense_is_refused(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    for body in REFUSED:
        problem_of(await owner.post(HOOKS, json=body), 422)
    assert (await owner.get(HOOKS)).json() == []
    made = await create(owner)
    for body in REFUSED:
        only = {name: value for name, value in body.items() if value != HOOK}
        problem_of(await owner.patch(HOOKS + made["id"], json=only), 422)


@on_sqlite
async def test_production_wants_https(api: Api, clean_settings: pytest.MonkeyPatch) -> None:
    owner = await api.as_user("owner@example.org")
    plain = HOOK.replace("https", "http")
    await create(owner, url=plain)
    use_settings(
        clean_settings, app_env="production", secret_key="k" * 40, flower_password="long enough"
    )
    assert "https" in problem_of(await owner.post(HOOKS, json={"url": plain}), 422)["detail"]
    use_settings(clean_settings, webhook_allow_http="true")
    await create(owner, url=plain)


async def test_a_user_has_so_many_and_no_more(api: Api, clean_settings: pytest.MonkeyPatch) -> None:
    owner, other = await api.as_user("owner@example.org"), await api.as_user("o@example.org")
    use_settings(clean_settings, webhooks_per_user=2)
    answers = await asyncio.gather(*(owner.post(HOOKS, json={"url": HOOK}) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409, 409]
    await create(other)
    (first, _) = (await owner.get(HOOKS)).json()
    await owner.delete(HOOKS + first["id"])
    await create(owner)
    full = problem_of(await owner.post(HOOKS, json={"url": HOOK}), 409)
    assert full["code"] == "too_many_webhooks"


async def test_somebody_elses_is_like_one_that_does_not_exist(api: Api, world: World) -> None:
    owner, other = await api.as_user("owner@example.org"), await api.as_user("o@example.org")
    made = await create(owner)
    await succeed(owner, world)
    (told,) = (await owner.get(f"{HOOKS}{made['id']}/deliveries")).json()
    requests: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PATCH", "", {"active": False}),
        ("DELETE", "", None),
        ("POST", "/test", None),
        ("POST", "/rotate-secret", None),
        ("GET", "/deliveries", None),
        ("GET", f"/deliveries/{told['id']}", None),
        ("POST", f"/deliveries/{told['id']}/replay", None),
    ]
    for method, rest, body in requests:
        foreign = await other.request(method, f"{HOOKS}{made['id']}{rest}", json=body)
        absent = await other.request(method, f"{HOOKS}{_SOME_ID}{rest}", json=body)
        assert (
            problem_of(foreign, 404)["detail"]
            == problem_of(absent, 404)["detail"]
            == "There is no such webhook"
        )
    assert (await other.get(HOOKS)).json() == []
    own = await create(other)
    # A delivery of another webhook is none of this one.
    problem_of(await other.get(f"{HOOKS}{own['id']}/deliveries/{told['id']}"), 404)
    problem_of(await other.post(f"{HOOKS}{own['id']}/deliveries/{told['id']}/replay"), 404)
    operator = await api.as_user("op@example.org", role="operator")
    assert [each["id"] for each in (await operator.get(HOOKS)).json()] == [own["id"], made["id"]]
    stopped = await operator.patch(HOOKS + made["id"], json={"active": False})
    assert stopped.json()["active"] is False


async def test_only_operators_are_told_about_everybodys_tasks(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    refused = problem_of(await owner.post(HOOKS, json={"url": HOOK, "scope": "all"}), 403)
    assert refused["code"] == "operator_needed"
    made = await create(await api.as_user("op@example.org", role="operator"), scope="all")
    assert made["scope"] == "all"


@on_sqlite
async def test_who_may_not_read_tasks_has_none_sent_anywhere(api: Api) -> None:
    writer = await api.as_user(ADMIN, scopes=["tasks:write"])
    problem_of(await writer.post(HOOKS, json={"url": HOOK}), 403)
    made = await create(await api.as_user(ADMIN))
    problem_of(await writer.patch(HOOKS + made["id"], json={"url": HOOK}), 403)


async def test_lists_come_page_by_page_newest_first(api: Api, world: World) -> None:
    owner = await api.as_user("owner@example.org")
    ids = [(await create(owner))["id"] for _ in range(3)]
    assert await _pages(owner, f"{HOOKS}?limit=2") == [ids[:0:-1], ids[:1]]
    await succeed(owner, world, 5)
    log = f"{HOOKS}{ids[0]}/deliveries"
    pages = await _pages(owner, f"{log}?limit=2&status=pending")
    found = [each for page in pages for each in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert found == sorted(found, reverse=True)
    assert (await owner.get(log, params={"status": "failed"})).json() == []
    for params in ({"status": "sent"}, {"limit": 0}, {"cursor": "x"}, {"type": "task.failed"}):
        problem_of(await owner.get(log, params=params), 422)


async def _pages(client: httpx2.AsyncClient, target: str) -> list[list[str]]:
    pages = []
    while target:
        answer = await client.get(target)
        pages.append([each["id"] for each in answer.json()])
        target = answer.links.get("next", {}).get("url", "")
    return pages


async def test_a_test_sends_a_ping_and_the_log_tells_what_came_of_it(
    api: Api, world: World, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, webhook_allowed_networks="127.0.0.0/8")
    owner = await api.as_user("owner@example.org")
    with receiving(202, body=b"hello") as receiver:
        made = await create(owner, url=receiver.url, events=["task.failed"])
        path = f"{HOOKS}{made['id']}"
        ping = await owner.post(f"{path}/test")
        assert (ping.status_code, ping.json()["status"]) == (202, "pending")
        sender = Sender(world.database)
        await sender.run_once()
        await sender.finish()
        (got,) = receiver.received
        assert got.is_signed_with(made["secret"])
        assert (got.json["type"], got.json["data"]) == ("webhook.ping", {})
        told = (await owner.get(f"{path}/deliveries/{ping.json()['id']}")).json()
        assert told["payload"] == got.json
        assert got.id == told["message_id"] == f"ping-{told['id']}"
        shown = ("status", "attempts", "response_status", "response_body", "task_id")
        assert [told[name] for name in shown] == ["succeeded", 1, 202, "hello", None]
        again = await owner.post(f"{path}/deliveries/{told['id']}/replay")
        assert (again.status_code, again.json()["attempts"]) == (202, 0)
        await sender.run_once()
        await sender.finish()
        assert [each.id for each in receiver.received] == [got.id] * 2
        await owner.patch(path, json={"active": False})
        for rest in ("/test", f"/deliveries/{told['id']}/replay"):
            assert problem_of(await owner.post(path + rest), 409)["code"] == "not_active"
        problem_of(await owner.get(f"{path}/deliveries/{_SOME_ID}"), 404)
