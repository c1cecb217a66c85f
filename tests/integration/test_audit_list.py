"""Reading the audit log: rights, pages, filters; how long it is kept; what a terminal leaves in it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.core.config import Settings
from app.core.errors import Conflict
from app.db import ids
from app.db.clock import after
from app.db.session import Database, async_session
from app.maintenance import prune
from app.models import AuditEntry
from app.queries import audit as queries
from app.services import audit
from tests.support.api import ADMIN, Api, problem_of
from tests.support.audit import entries
from tests.support.environment import use_settings

AUDIT = "/api/v1/audit"
TASK, OTHER = (f"01a20e72-6ec7-74d0-bc60-00000000000{digit}" for digit in "12")
BOB, EVE = (uuid.UUID(f"01a20e72-6ec7-74d0-bc60-0000000000{letters}") for letters in ("b0", "e0"))


async def _add(label: str, **values: Any) -> None:
    """An entry, known by its `request_id`."""
    usual = {"via": "token", "action": "cancelTask", "target": {}, "detail": {}, "status": 200}
    row = {"id": ids.new_id(), "request_id": label, **usual, **values}
    async with async_session() as db:
        await db.execute(queries.insert_entry(row))
        await db.commit()


async def _add_various() -> None:
    bob = {"user_id": BOB, "email": "bob@example.org"}
    eve = {"user_id": EVE, "email": "eve@example.org"}
    await _add("cancel", **bob, target={"task_id": TASK})
    await _add("refused", **bob, target={"task_id": OTHER}, status=404, code="not_found")
    await _add("pause", **eve, action="pauseQueue", via="session", target={"name": "de%_fault"})
    await _add("killed", **eve, action="createUser", status=None)
    guess = {"email": "bob@example.org", "action": "signIn", "via": "password"}
    await _add("guess", **guess, status=401, code="wrong_password")
    await _add("shell", action="user create", via="terminal", detail={"os_user": "root"})


async def _listed(client: Any, **wanted: Any) -> list[str]:
    answer = await client.get(AUDIT, params=wanted)
    assert answer.status_code == 200, answer.text
    return [entry["request_id"] for entry in answer.json()]


@pytest.mark.parametrize("role", ["user", "operator"])
async def test_only_an_admin_reads_it(api: Api, role: str) -> None:
    client = await api.as_user(f"{role}@example.org", role=role)
    assert problem_of(await client.get(AUDIT), 403)["code"] == "scope_missing"
    browser = await api.signed_in(f"{role}@example.org", role=role)
    problem_of(await browser.get(AUDIT), 403)
    problem_of(await client.post("/api/v1/tokens", json={"scopes": ["audit:read"]}), 403)
    problem_of(await api.stranger.get(AUDIT), 401)


async def test_an_admins_token_needs_the_scope(api: Api) -> None:
    without = await api.as_user(ADMIN, scopes=["tasks:read", "users:write"])
    problem_of(await without.get(AUDIT), 403)
    alone = await api.as_user(ADMIN, scopes=["audit:read"])
    assert (await alone.get(AUDIT)).json() == []


async def test_an_entry_is_shown_with_all_that_it_has(api: Api) -> None:
    await _add("cancel", user_id=BOB, email="bob@example.org", target={"task_id": TASK})
    (shown,) = (await (await api.as_user()).get(AUDIT)).json()
    columns = set(AuditEntry.__table__.columns.keys())
    assert set(shown) == columns - {"target_last", "target_first"}
    assert (shown["user_id"], shown["target"]) == (str(BOB), {"task_id": TASK})
    assert datetime.fromisoformat(shown["at"]).tzinfo is not None


async def test_pages_follow_each_other_newest_first(api: Api) -> None:
    labels = [str(number) for number in range(5)]
    for label in labels:
        await _add(label)
    client = await api.as_user()
    seen: list[str] = []
    target: str | None = f"{AUDIT}?limit=2&action=cancelTask"
    while target:
        answer = await client.get(target)
        seen += [entry["request_id"] for entry in answer.json()]
        target = answer.links.get("next", {}).get("url")
        await _add("newer")  # what comes meanwhile moves nothing
    assert seen == labels[::-1]


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        ({}, ["shell", "guess", "killed", "pause", "refused", "cancel"]),
        ({"user": str(BOB)}, ["refused", "cancel"]),
        ({"user": "Bob@Example.org"}, ["guess", "refused", "cancel"]),
        ({"user": "nobody@example.org"}, []),
        ({"action": "pauseQueue"}, ["pause"]),
        ({"action": "user create"}, ["shell"]),
        ({"via": "session"}, ["pause"]),
        ({"via": "terminal"}, ["shell"]),
        ({"status": "failed"}, ["guess", "refused"]),
        ({"status": "404"}, ["refused"]),
        ({"status": "open"}, ["killed"]),
        ({"target": TASK}, ["cancel"]),
        ({"target": TASK.upper()}, ["cancel"]),
        ({"target": TASK[:-1]}, []),
        ({"target": "de%_fault"}, ["pause"]),
        ({"target": "de%fault"}, []),
        ({"target": "DE%_FAULT"}, []),
        ({"target": "task_id"}, []),
        ({"user": str(BOB), "status": "failed", "target": OTHER}, ["refused"]),
    ],
)
async def test_filters_leave_what_they_name(
    api: Api, wanted: dict[str, str], labels: list[str]
) -> None:
    await _add_various()
    assert await _listed(await api.as_user(), **wanted) == labels


async def test_each_value_of_a_target_finds_an_entry_once(api: Api) -> None:
    for label, name in (("first", "mail"), ("both", "queue"), ("last", "mail")):
        await _add(label, target={"kind": "queue", "name": name})
    client = await api.as_user()
    assert await _listed(client, target="mail") == ["last", "first"]
    assert await _listed(client, target="queue") == ["last", "both", "first"]
    assert await _listed(client, target="queue", limit=2) == ["last", "both"]


async def test_a_span_of_time_includes_its_begin_and_not_its_end(api: Api) -> None:
    client = await api.as_user()
    for label in ("first", "second", "third"):
        await _add(label)
        await asyncio.sleep(0.01)
    _, second, third = [entry.at.isoformat() for entry in await entries()]
    assert await _listed(client, **{"from": second}) == ["third", "second"]
    assert await _listed(client, to=third) == ["second", "first"]
    assert await _listed(client, **{"from": second, "to": third}) == ["second"]
    future = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    assert await _listed(client, **{"from": future}) == []


@pytest.mark.parametrize(
    "query", ["via=post", "status=bad", "status=600", "from=today", "cursor=x", "limit=501", "a=b",
              "user=", "target=%00"],
)  # fmt: skip
async def test_filters_that_mean_nothing_are_refused(api: Api, query: str) -> None:
    problem_of(await (await api.as_user()).get(f"{AUDIT}?{query}"), 422)


# -- how long it is kept --------------------------------------------------------------------


def _prune() -> int:
    database = Database()
    try:
        return prune.run_once(database, 2).entries
    finally:
        database.close()


async def _have_old_ones(days: float) -> None:
    for number in range(5):
        await _add(f"old {number}")
    async with async_session() as db:
        await db.execute(update(AuditEntry).values(at=after(-days * 86_400)))
        await db.commit()
    await _add("new")


async def test_old_entries_go_in_batches(settings: Settings) -> None:
    await _have_old_ones(days=366)
    assert await asyncio.to_thread(_prune) == 5
    assert [entry.request_id for entry in await entries()] == ["new"]
    assert await asyncio.to_thread(_prune) == 0


@pytest.mark.parametrize(("kept_days", "old_days"), [("0", 4000), ("365", 364), ("4000", 3999)])
async def test_entries_are_kept_as_long_as_they_should(
    clean_settings: pytest.MonkeyPatch, settings: Settings, kept_days: str, old_days: float
) -> None:
    use_settings(clean_settings, audit_retention_days=kept_days, retention_days="1")
    await _have_old_ones(old_days)
    assert await asyncio.to_thread(_prune) == 0


# -- commands -------------------------------------------------------------------------------


async def test_a_command_is_recorded_with_the_systems_user(settings: Settings) -> None:
    async with audit.at_terminal("token revoke", {"token_id": TASK}, {"name": "ci"}):
        (entry,) = await entries()
        assert entry.status is None
    (entry,) = await entries()
    assert (entry.action, entry.via, entry.status) == ("token revoke", "terminal", 200)
    assert (entry.target, entry.user_id) == ({"token_id": TASK}, None)
    assert entry.detail["name"] == "ci"
    assert entry.detail["os_user"]
    assert entry.address


async def _fail(error: Exception) -> None:
    async with audit.at_terminal("user create", {}, {}):
        raise error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(Conflict("no", code="user_exists"), 409, "user_exists"), (KeyError("x"), 500, "internal")],
)
async def test_a_command_that_fails_is_recorded_as_that(
    settings: Settings, error: Exception, status: int, code: str
) -> None:
    with pytest.raises(type(error)):
        await _fail(error)
    (entry,) = await entries()
    assert (entry.status, entry.code) == (status, code)
