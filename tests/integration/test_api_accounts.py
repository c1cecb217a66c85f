"""Signing in, tokens and users."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.services import auth, identity
from tests.support.api import ADMIN, Api, eventually, problem_of

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
