"""Signing in, tokens and users."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from app.core.errors import NotFound, TooManyAttempts, Unauthorized
from app.db.session import async_session, read_session
from app.models import Token
from app.services import auth, identity
from tests.support.api import ADMIN, Api, eventually, problem_of
from tests.support.databases import on_sqlite

TOKENS, USERS, LOGIN = "/api/v1/tokens", "/api/v1/users", "/api/v1/auth/token"
BOB = {"email": "Bob@example.org", "password": "correct horse"}


async def test_a_user_signs_in_with_a_password(api: Api) -> None:
    admin = await api.as_user()
    made = await admin.post(USERS, json=BOB)
    assert (made.status_code, made.json()["email"]) == (201, "bob@example.org")
    assert "password" not in made.text
    signed_in = (await api.stranger.post(LOGIN, json={**BOB, "email": "bob@EXAMPLE.org"})).json()
    assert signed_in["token_type"] == "bearer"
    assert signed_in["expires_at"]
    me = (await api.with_token(signed_in["access_token"]).get(f"{USERS}/me")).json()
    assert (me["email"], me["role"]) == ("bob@example.org", "user")
    assert "tasks:report" not in me["scopes"]


async def test_a_wrong_password_and_an_unknown_user_are_told_alike(api: Api) -> None:
    await (await api.as_user()).post(USERS, json=BOB)
    told = []
    for email in ("bob@example.org", "nobody@example.org", ADMIN):
        answer = await api.stranger.post(LOGIN, json={"email": email, "password": "wrong one"})
        problem = problem_of(answer, 401)
        told.append((problem["code"], problem["detail"]))
    assert len(set(told)) == 1


async def test_guessing_is_slowed_down(api: Api) -> None:
    wrong = {"email": f"{uuid.uuid4().hex}@example.org", "password": "wrong one"}
    for _ in range(auth.MAX_FAILURES):
        problem_of(await api.stranger.post(LOGIN, json=wrong), 401)
    answer = await api.stranger.post(LOGIN, json=wrong)
    assert problem_of(answer, 429)["code"] == "too_many_attempts"
    assert int(answer.headers["retry-after"]) > 0


@on_sqlite
async def test_who_guesses_many_times_at_once_is_told_no_more(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_FAILURES", 2)
    wrong = {"email": f"{uuid.uuid4().hex}@example.org", "password": "wrong one"}
    answers = await asyncio.gather(*(api.stranger.post(LOGIN, json=wrong) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [401] * 2 + [429] * 4


@on_sqlite
async def test_the_addresses_of_one_network_guess_together(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_FAILURES", 1)
    email = f"{uuid.uuid4().hex}@example.org"
    with pytest.raises(Unauthorized):
        await auth.require_password(email, "wrong one", client="2001:db8::1")
    with pytest.raises(TooManyAttempts):
        await auth.require_password(email, "wrong one", client="2001:db8::2")
    with pytest.raises(Unauthorized):
        await auth.require_password(email, "wrong one", client="2001:db8:0:1::1")


async def test_a_token_is_shown_once_and_does_what_it_was_made_for(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    made = (
        await client.post(TOKENS, json={"name": "ci", "scopes": ["tasks:read"], "expires_in": 60})
    ).json()
    limited = api.with_token(made["token"])
    assert (await limited.get("/api/v1/tasks/")).status_code == 200
    problem_of(await limited.post("/api/v1/tasks/", json={}), 403)
    listed: dict[str, Any] = {}

    async def used() -> object:
        (found,) = [t for t in (await client.get(TOKENS)).json() if t["name"] == "ci"]
        listed.update(found)
        return found["last_used_at"]

    # The note of its use is written beside the answer.
    await eventually(used, within=5, what="its use is noted")
    assert "token" not in listed
    assert made["token"].startswith(listed["prefix"])
    assert listed["expires_at"]


async def test_a_revoked_token_stops_working(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    made = (await client.post(TOKENS, json={})).json()
    other = api.with_token(made["token"])
    assert (await other.get(f"{USERS}/me")).status_code == 200
    for _ in range(2):
        revoked = await client.delete(f"{TOKENS}/{made['id']}")
        assert revoked.json()["revoked_at"]
    problem_of(await other.get(f"{USERS}/me"), 401)


async def test_a_token_ends_when_it_expires(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    made = (await client.post(TOKENS, json={"expires_in": 0.5})).json()
    other = api.with_token(made["token"])
    assert (await other.get(f"{USERS}/me")).status_code == 200

    async def refused() -> bool:
        return (await other.get(f"{USERS}/me")).status_code == 401

    await eventually(refused, within=0.5 + identity.CACHE_SECONDS + 1, what="it has expired")
    problem_of(await other.get(f"{USERS}/me"), 401)


async def rotated(client: httpx2.AsyncClient, token_id: str, **body: float) -> dict[str, Any]:
    """The token that takes the place of another."""
    answer = await client.post(f"{TOKENS}/{token_id}/rotate", json=body)
    assert answer.status_code == 201, answer.text
    new: dict[str, Any] = answer.json()
    return new


async def tokens_of(client: httpx2.AsyncClient) -> dict[str, dict[str, Any]]:
    """The tokens of a user, by their ids."""
    return {token["id"]: token for token in (await client.get(TOKENS)).json()}


def seconds(since: str, until: str) -> float:
    """From one time to the other."""
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


async def test_a_rotated_token_is_like_the_old_one_which_goes_on_for_a_while(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    wanted = {"name": "ci", "scopes": ["tasks:read"], "expires_in": 7_000_000}
    old = (await client.post(TOKENS, json=wanted)).json()
    new = await rotated(client, old["id"], overlap_seconds=60)
    assert new["token"] != old["token"]
    for name in ("name", "scopes", "user"):
        assert new[name] == old[name]
    assert seconds(new["created_at"], new["expires_at"]) == pytest.approx(7_000_000, abs=0.1)
    found = await tokens_of(client)
    assert found[old["id"]]["replaced_by"] == new["id"]
    assert found[new["id"]]["replaced_by"] is None
    ends = found[old["id"]]["expires_at"]
    assert seconds(new["created_at"], ends) == pytest.approx(60, abs=5)
    both = [api.with_token(each["token"]) for each in (old, new)]
    assert [(await each.get("/api/v1/tasks/")).status_code for each in both] == [200, 200]


async def test_the_old_token_works_for_a_day_unless_it_ends_before(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    endless, short = [
        (await client.post(TOKENS, json=each)).json() for each in ({}, {"expires_in": 3600})
    ]
    news = [
        (await client.post(f"{TOKENS}/{each['id']}/rotate")).json() for each in (endless, short)
    ]
    assert news[0]["expires_at"] is None
    assert seconds(news[1]["created_at"], news[1]["expires_at"]) == pytest.approx(3600, abs=0.1)
    found = await tokens_of(client)
    ends = found[endless["id"]]["expires_at"]
    assert seconds(news[0]["created_at"], ends) == pytest.approx(86_400, abs=5)
    assert found[short["id"]]["expires_at"] == short["expires_at"]


async def test_a_token_replaces_itself_and_ends_at_once(api: Api) -> None:
    first = await api.as_user("bob@example.org")
    (own,) = (await first.get(TOKENS)).json()
    second = api.with_token((await rotated(first, own["id"], overlap_seconds=0))["token"])
    problem_of(await first.get(f"{USERS}/me"), 401)
    assert (await second.get(f"{USERS}/me")).status_code == 200


async def test_a_token_is_replaced_once_however_many_ask(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    old = (await client.post(TOKENS, json={})).json()
    rotate = f"{TOKENS}/{old['id']}/rotate"
    answers = await asyncio.gather(*(client.post(rotate) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (lost,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert problem_of(await client.post(rotate), 409)["code"] == "token_over"
    # Whoever has lost the answer replaces what it gave.
    assert (await rotated(client, lost["id"]))["expires_at"] is None
    assert len(await tokens_of(client)) == 4


async def test_what_is_over_is_not_replaced(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    revoked = (await client.post(TOKENS, json={})).json()
    await client.delete(f"{TOKENS}/{revoked['id']}")
    answer = await client.post(f"{TOKENS}/{revoked['id']}/rotate")
    assert problem_of(answer, 409)["code"] == "token_over"
    assert len(await tokens_of(client)) == 2
    browser = await api.signed_in("bob@example.org")
    async with read_session() as db:
        sessions = select(Token.id).where(Token.kind == "session")
        session = (await db.scalars(sessions)).one()
    problem_of(await browser.post(f"{TOKENS}/{session}/rotate"), 404)


async def test_a_rotation_hands_out_no_more_than_is_held(api: Api) -> None:
    admin, user = await api.as_user(), await api.as_user("bob@example.org")
    limited = await api.as_user("bob@example.org", scopes=["tokens:write"])
    wide = (await user.post(TOKENS, json={"scopes": ["tasks:write"]})).json()
    refused = problem_of(await limited.post(f"{TOKENS}/{wide['id']}/rotate"), 403)
    assert (refused["code"], "tasks:write" in refused["detail"]) == ("scope_not_allowed", True)
    assert (await tokens_of(user))[wide["id"]]["replaced_by"] is None
    other = await api.as_user("other@example.org")
    problem_of(await other.post(f"{TOKENS}/{wide['id']}/rotate"), 404)
    new = await rotated(admin, wide["id"])
    assert (await tokens_of(user))[new["id"]]["scopes"] == ["tasks:write"]


@on_sqlite
@pytest.mark.parametrize("overlap", [-1, 604_801, None])
async def test_a_bad_overlap_is_refused(api: Api, overlap: object) -> None:
    client = await api.as_user("bob@example.org")
    (own,) = (await client.get(TOKENS)).json()
    answer = await client.post(f"{TOKENS}/{own['id']}/rotate", json={"overlap_seconds": overlap})
    problem_of(answer, 422)


async def test_nobody_hands_out_more_than_they_hold(api: Api) -> None:
    limited = await api.as_user(ADMIN, scopes=["tasks:read", "tokens:write"])
    for scopes in (["users:write"], ["tasks:write"]):
        problem_of(await limited.post(TOKENS, json={"scopes": scopes}), 403)
    made = (await limited.post(TOKENS, json={})).json()
    assert made["scopes"] == ["tasks:read", "tokens:write"]
    user = await api.as_user("bob@example.org")
    problem_of(await user.post(TOKENS, json={"scopes": ["users:write"]}), 403)
    problem_of(await user.post(TOKENS, json={"scopes": ["everything"]}), 422)
    reporting = await user.post(TOKENS, json={"scopes": ["tasks:report"]})
    problem_of(reporting, 403)  # the usual token of a user does not have it


async def test_other_peoples_tokens_are_for_admins(api: Api) -> None:
    admin, user = await api.as_user(), await api.as_user("bob@example.org")
    for body in ({"user": ADMIN}, {"user": "nobody@example.org"}):
        problem_of(await user.post(TOKENS, json=body), 403)
    made = await admin.post(TOKENS, json={"user": "bob@example.org", "scopes": ["tasks:report"]})
    assert (made.status_code, made.json()["user"]) == (201, "bob@example.org")
    problem_of(await admin.post(TOKENS, json={"user": "nobody@example.org"}), 404)
    (admins, *_) = [t for t in (await admin.get(TOKENS)).json() if t["user"] == ADMIN]
    problem_of(await user.delete(f"{TOKENS}/{admins['id']}"), 404)
    assert (await admin.delete(f"{TOKENS}/{made.json()['id']}")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "nobody"},
        {"email": "a@b\nc"},
        {"email": "x" * 250 + "@example.org"},
        {"password": "short"},
        {"role": "king"},
        {"colour": "red"},
        {"email": 5},
    ],
)
async def test_bad_users_are_refused(api: Api, changes: dict[str, object]) -> None:
    admin = await api.as_user()
    problem_of(await admin.post(USERS, json={**BOB, **changes}), 422)


async def test_an_email_belongs_to_one_user(api: Api) -> None:
    admin = await api.as_user()
    assert (await admin.post(USERS, json=BOB)).status_code == 201
    problem_of(await admin.post(USERS, json={"email": "BOB@example.org"}), 409)
    emails = [user["email"] for user in (await admin.get(USERS)).json()]
    assert emails == [ADMIN, "bob@example.org"]


async def all_answer(status: int, *clients: httpx2.AsyncClient) -> None:
    """Wait until each of them is answered so."""

    async def so() -> bool:
        answers = [await client.get(f"{USERS}/me") for client in clients]
        return {answer.status_code for answer in answers} == {status}

    await eventually(so, within=identity.CACHE_SECONDS + 2, what=f"all are answered {status}")


async def test_a_disabled_user_is_shut_out_until_enabled(api: Api) -> None:
    admin = await api.as_user()
    await admin.post(USERS, json=BOB)
    bob, browser = await api.as_user("bob@example.org"), await api.signed_in("bob@example.org")
    link = await api.link("bob@example.org")
    since = []
    for _ in range(2):
        async with async_session() as db:
            since.append((await auth.set_disabled(db, BOB["email"], disabled=True)).disabled_at)
    assert since[0] is not None
    assert since[0] == since[1]
    await all_answer(401, bob, browser)
    problem_of(await api.stranger.post(LOGIN, json=BOB), 401)
    assert (await api.stranger.get(link)).status_code == 410
    refused = problem_of(await admin.post(TOKENS, json={"user": BOB["email"]}), 404)
    assert "taskctl user enable" in refused["detail"]
    async with async_session() as db:
        await auth.set_disabled(db, BOB["email"], disabled=False)
    await all_answer(200, bob, browser, admin)
    assert (await api.stranger.post(LOGIN, json=BOB)).status_code == 200


async def test_who_does_not_exist_cannot_be_disabled(api: Api) -> None:
    async with async_session() as db:
        with pytest.raises(NotFound, match="taskctl user list"):
            await auth.set_disabled(db, "nobody@example.org", disabled=True)
