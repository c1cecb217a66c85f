"""The audit log: no change without an entry, and no secret in one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx2
import pytest

from app.services import audit
from tests.support.api import ADMIN, Api, create, problem_of
from tests.support.audit import entries, entry_of

TASKS, USERS, TOKENS = "/api/v1/tasks/", "/api/v1/users", "/api/v1/tokens"
LOGIN, SESSION = "/api/v1/auth/token", "/api/v1/auth/session"
PAUSE = "/api/v1/queues/default/pause"
BOB = {"email": "bob@example.org", "password": "correct horse"}
SOME_ID = "01a20e72-6ec7-74d0-bc60-000000000000"
JSON = {"Content-Type": "application/json"}

# Changes without an entry of their caller's, and why.
EXCEPTIONS = {
    "createTask": "the row says who and when, and it is the hot path",
    "createTasks": "the same",
    "signIn": "nobody is known yet: recorded by what comes of it, below",
    "openSession": "the same",
}


def _address(path: str) -> str:
    known = {"name": "default", "kind": "queue"}
    return re.sub(r"{(\w+)}", lambda match: known.get(match[1], SOME_ID), path)


def _changes(api: Api) -> list[tuple[str, str, str]]:
    return [
        (operation["operationId"], method.upper(), _address(path))
        for path, methods in api.app.openapi()["paths"].items()
        for method, operation in methods.items()
        if method != "get"
    ]


async def test_every_change_leaves_one_entry_with_its_end(api: Api) -> None:
    client = await api.as_user()
    walked = set()
    for action, method, path in _changes(api):
        answer = await client.request(method, path, json={})
        if action in EXCEPTIONS:
            assert await entries(request_id=answer.headers["x-request-id"]) == [], action
            continue
        entry = await entry_of(answer)
        assert (entry.action, entry.status) == (action, answer.status_code), action
        assert (entry.method, entry.path, entry.email) == (method, path, ADMIN), action
        found_by = {entry.target_last, entry.target_first} - {None}
        assert found_by == set(entry.target.values()), action
        walked.add(action)
    assert len(walked) > 25
    assert set(EXCEPTIONS) | walked == {action for action, _, _ in _changes(api)}


async def test_an_entry_says_who_with_what_and_from_where(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    task = await create(client)
    by_token = await entry_of(await client.post(f"{TASKS}{task['id'].upper()}/cancel"))
    assert (by_token.email, by_token.role, by_token.via) == ("bob@example.org", "user", "token")
    assert str(client.headers["authorization"]).startswith(f"Bearer {by_token.token_prefix}")
    assert (by_token.target, by_token.address) == ({"task_id": task["id"]}, "127.0.0.1")
    assert by_token.user_id is not None
    assert by_token.token_id is not None
    browser = await api.signed_in("bob@example.org")
    by_session = await entry_of(await browser.delete(TASKS + task["id"]))
    assert (by_session.via, by_session.user_id) == ("session", by_token.user_id)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("POST", PAUSE, {}, 403, "scope_missing"),
        ("POST", f"{TASKS}{SOME_ID}/cancel", {}, 404, "not_found"),
        ("POST", f"{TASKS}{SOME_ID}/cancel?secret=1", {}, 422, "invalid"),
        ("PATCH", f"{TASKS}{SOME_ID}", {"json": {"colour": 1}}, 422, "invalid"),
        ("PATCH", f"{TASKS}{SOME_ID}", {"content": b"{", "headers": JSON}, 422, "bad_json"),
        ("PATCH", f"{TASKS}{SOME_ID}", {"content": b"{}"}, 415, "unsupported_media_type"),
        ("DELETE", SESSION, {}, 409, "no_session"),
        ("DELETE", f"{TASKS}%00", {}, 422, "invalid"),
    ],
)
async def test_what_is_refused_is_recorded(
    api: Api, method: str, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    client = await api.as_user("bob@example.org")
    answer = await client.request(method, path, **sent)
    assert problem_of(answer, status)["code"] == code
    entry = await entry_of(answer)
    assert (entry.status, entry.code) == (status, code)
    assert "secret" not in str(entry.path)


async def test_what_another_site_tries_through_a_session_is_recorded(api: Api) -> None:
    browser = await api.signed_in()
    answer = await browser.post(PAUSE, headers={"Sec-Fetch-Site": "cross-site"})
    entry = await entry_of(answer)
    assert (entry.email, entry.via, entry.code) == (ADMIN, "session", "cross_site")


async def test_reading_and_strangers_leave_nothing(api: Api) -> None:
    client = await api.as_user()
    await client.get(TASKS)
    problem_of(await api.stranger.post(PAUSE), 401)
    problem_of(await api.with_token("tsk_unknown").post(PAUSE), 401)
    assert await entries() == []


async def test_executors_take_a_task_with_an_entry_and_report_without(api: Api) -> None:
    client = await api.as_user()
    path = TASKS + (await create(client, countdown=3600))["id"]
    claimed = await client.patch(path, json={"status": "running"})
    report = {"attempt": claimed.json()["attempt"], "progress": 5}
    assert (await client.patch(path, json=report)).status_code == 200
    assert (await entry_of(claimed)).detail == {"status": "running", "fields": ["status"]}
    assert [entry.action for entry in await entries()] == ["updateTask"]


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        (USERS, {**BOB, "role": "operator"}, {"email": BOB["email"], "role": "operator"}),
        (TOKENS, {"name": "ci", "expires_in": 60}, {"name": "ci", "expires_in": 60}),
        (f"{TOKENS}/{SOME_ID}/rotate", {"overlap_seconds": 60}, {"overlap_seconds": 60}),
        (f"{TASKS}bulk/cancel", {"ids": [SOME_ID]}, {"ids": 1}),
        (f"{TASKS}bulk/delete", {"filter": {"queue": "default"}, "dry_run": True},
         {"filter": {"queue": "default"}, "dry_run": True}),
        (PAUSE, {}, {"queue": "default"}),
    ],
)  # fmt: skip
async def test_an_entry_tells_what_was_done(
    api: Api, path: str, body: dict[str, Any], detail: dict[str, Any]
) -> None:
    client = await api.as_user()
    entry = await entry_of(await client.post(path, json=body))
    assert entry.detail == detail


# -- secrets --------------------------------------------------------------------------------


async def _make_secrets(api: Api) -> list[str]:
    """Everything that this system hands out or is told in confidence."""
    admin = await api.as_user()
    await admin.post(USERS, json=BOB)
    hook = await admin.post("/api/v1/webhooks/", json={"url": "https://example.com/hidden-path"})
    rotated = await admin.post(f"/api/v1/webhooks/{hook.json()['id']}/rotate-secret")
    task = await create(admin, args=[60])
    await admin.post(f"{TASKS}{task['id']}/cancel")
    view = await admin.post(f"{TASKS}{task['id']}/view-token")
    await admin.post(f"{TASKS}{task['id']}/retry", json={"kwargs": {"param": "hidden-value"}})
    link = await api.link()
    by_link, by_password = api.stranger, api.stranger
    await by_link.get(link)
    await by_password.post(SESSION, json=BOB)
    return [
        BOB["password"],
        "hidden-path",
        "hidden-value",
        hook.json()["secret"],
        rotated.json()["secret"],
        view.json()["token"],
        (await admin.post(TOKENS, json={"name": "ci"})).json()["token"],
        (await api.stranger.post(LOGIN, json=BOB)).json()["access_token"],
        link.partition("=")[2],
        *(str(cookie.value) for by in (by_link, by_password) for cookie in by.cookies.jar),
    ]


async def test_no_secret_is_in_it(api: Api) -> None:
    secrets = await _make_secrets(api)
    assert len(secrets) == 11
    assert all(len(secret) > 8 for secret in secrets)
    kept = await entries()
    assert len(kept) > 9
    text = repr([vars(entry) for entry in kept])
    assert [secret for secret in secrets if secret in text] == []


# -- before and after -----------------------------------------------------------------------


class Killed(BaseException):
    """What no code expects: the process is gone."""


@pytest.mark.parametrize(
    ("end", "status", "code"), [(Killed, None, None), (RuntimeError, 500, "internal")]
)
async def test_the_entry_is_there_before_the_action_begins(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    end: type[BaseException],
    status: int | None,
    code: str | None,
) -> None:
    seen: list[int | None] = []

    async def die(*_: Any, **__: Any) -> None:
        seen.extend(entry.status for entry in await entries(request_id="mine"))
        raise end

    token = (await api.as_user()).headers["authorization"]
    monkeypatch.setattr("app.services.auth.create_user", die)
    sent = {"X-Request-ID": "mine", "Authorization": token}
    answer = await api.stranger.post(USERS, json=BOB, headers=sent)
    assert (answer.status_code, seen) == (500, [None])
    (entry,) = await entries(request_id="mine")
    assert (entry.action, entry.status, entry.code) == ("createUser", status, code)


async def test_what_cannot_be_recorded_is_not_done(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> None:
        raise ConnectionError("the database is away")

    admin = await api.as_user()
    with monkeypatch.context() as patch:
        patch.setattr(audit, "_write", away)
        answer = await admin.post(USERS, json=BOB)
        assert problem_of(answer, 503)["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) > 0
    assert [user["email"] for user in (await admin.get(USERS)).json()] == [ADMIN]
    assert (await admin.post(USERS, json=BOB)).status_code == 201


async def test_an_end_that_cannot_be_written_is_no_failure(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = audit._write
    written: list[Any] = []

    async def once(statement: Any) -> None:
        written.append(statement)
        if len(written) > 1:
            raise ConnectionError("the database is away")
        await write(statement)

    admin = await api.as_user()
    monkeypatch.setattr(audit, "_write", once)
    assert (await admin.post(USERS, json=BOB)).status_code == 201
    await asyncio.sleep(0)
    (entry,) = await entries()
    assert entry.status is None


# -- signing in -----------------------------------------------------------------------------


async def _sign_in(api: Api, **changes: Any) -> httpx2.Response:
    return await api.stranger.post(LOGIN, json={**BOB, **changes})


async def test_signing_in_is_recorded_with_the_user(api: Api) -> None:
    await (await api.as_user()).post(USERS, json=BOB)
    for path, action in ((LOGIN, "signIn"), (SESSION, "openSession")):
        entry = await entry_of(await api.stranger.post(path, json=BOB))
        assert (entry.action, entry.via, entry.email) == (action, "password", BOB["email"])
        assert (entry.status, entry.role) == (200, "user")
        assert entry.user_id is not None


async def test_a_refused_sign_in_is_recorded_with_the_email_that_was_tried(api: Api) -> None:
    answer = await _sign_in(api, email="Nobody@example.org")
    entry = await entry_of(answer)
    assert (entry.email, entry.user_id) == ("nobody@example.org", None)
    assert (entry.status, entry.code, entry.via) == (401, "wrong_password", "password")
    foreign = {"Sec-Fetch-Site": "cross-site"}
    entry = await entry_of(await api.stranger.post(SESSION, json=BOB, headers=foreign))
    assert (entry.status, entry.code, entry.email) == (403, "cross_site", BOB["email"])


async def test_a_password_in_the_place_of_the_email_is_not_kept(api: Api) -> None:
    entry = await entry_of(await _sign_in(api, email="correct horse"))
    assert (entry.email, entry.status) == ("***", 401)


async def test_a_link_is_recorded_when_it_signs_in_and_when_it_does_not(api: Api) -> None:
    link = await api.link()
    used, again = await api.stranger.get(link), await api.stranger.get(link)
    entry = await entry_of(used)
    assert (entry.action, entry.via, entry.status) == ("useSignInLink", "link", 303)
    assert (entry.email, entry.path) == (ADMIN, "/sign-in")
    entry = await entry_of(again)
    assert (entry.status, entry.code, entry.email) == (410, "link_over", None)


async def test_a_flood_of_guesses_does_not_fill_the_table(api: Api) -> None:
    stranger = api.stranger
    for _ in range(audit.EACH + 35):
        answer = await stranger.post(LOGIN, json=BOB)
        assert answer.status_code in (401, 429)
    *each, rest = await entries(action="signIn")
    assert [entry.detail for entry in each] == [{}] * audit.EACH
    assert {entry.email for entry in each} == {BOB["email"]}
    assert (rest.detail, rest.email, rest.address) == ({"at_least": 32}, None, "127.0.0.1")


async def test_the_next_minute_is_recorded_anew(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MINUTE_SECONDS", -1.0)
    for _ in range(audit.EACH + 2):
        await api.stranger.get("/sign-in?token=tsl_unknown")
    assert len(await entries(action="useSignInLink")) == audit.EACH + 2
