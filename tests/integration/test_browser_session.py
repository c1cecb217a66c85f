"""Sign-in links, sessions, and what keeps other sites from using them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from app.core.config import Settings
from app.db.clock import after, now
from app.db.session import Database, async_session
from app.maintenance import prune
from app.models import Token, User
from app.services import browser_session, identity
from tests.support.api import ADMIN, Api, create, eventually, problem_of, serving
from tests.support.environment import use_settings

SESSION, TASKS = "/api/v1/auth/session", "/api/v1/tasks/"
BOB = {"email": "bob@example.org", "password": "correct horse"}


async def force(statement: Any) -> None:
    """What only time, or an administrator of the database, would do."""
    async with async_session() as db:
        await db.execute(statement)
        await db.commit()


def cookie_of(answer: httpx2.Response) -> dict[str, str]:
    """The attributes of the one cookie that is set, names in lower case."""
    (line,) = answer.headers.get_list("set-cookie")
    pairs = [part.strip().partition("=") for part in line.split(";")]
    return {"name": pairs[0][0], "value": pairs[0][2]} | {n.lower(): v for n, _, v in pairs[1:]}


# -- links ----------------------------------------------------------------------------------


async def test_a_link_signs_in_once_and_leads_to_the_page(api: Api) -> None:
    link = await api.link()
    first, second = api.stranger, api.stranger
    answer = await first.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = cookie_of(answer)
    assert {"httponly", "samesite", "path", "max-age"} <= set(cookie)
    assert (cookie["path"], cookie["samesite"]) == ("/", "lax")
    assert 0 < int(cookie["max-age"]) <= browser_session.SESSION_SECONDS
    assert "secure" not in cookie
    assert (await first.get(SESSION)).json()["email"] == ADMIN

    again = await second.get(link)
    assert again.status_code == 410
    assert again.headers["content-type"].startswith("text/html")
    assert "taskctl user sign-in-link" in again.text
    assert "set-cookie" not in again.headers
    problem_of(await second.get(SESSION), 401)


async def test_of_many_who_use_a_link_at_once_one_gets_in(api: Api) -> None:
    secret = (await api.link()).partition("=")[2]
    opened = await asyncio.gather(*(browser_session.use_link(secret) for _ in range(8)))
    assert len([each for each in opened if each]) == 1


async def test_an_old_link_is_refused(api: Api) -> None:
    link = await api.link()
    await force(update(Token).where(Token.kind == "link").values(expires_at=after(-1)))
    assert (await api.stranger.get(link)).status_code == 410


@pytest.mark.parametrize("query", ["", "?token=", "?token=tsl_unknown", "?token=%00%ff"])
async def test_a_link_that_never_was_is_refused_alike(api: Api, query: str) -> None:
    answer = await api.stranger.get(f"/sign-in{query}")
    assert (answer.status_code, "ten minutes" in answer.text) == (410, True)


async def test_a_link_lives_ten_minutes(api: Api) -> None:
    await api.link()
    async with async_session() as db:
        statement = select(Token.expires_at, now()).where(Token.kind == "link")
        expires_at, moment = (await db.execute(statement)).one()
    assert expires_at is not None
    assert 590 < (expires_at - moment).total_seconds() <= 600


async def test_looking_at_a_link_does_not_spend_it(api: Api) -> None:
    link = await api.link()
    assert (await api.stranger.head(link)).status_code == 200
    ahead = {"Sec-Purpose": "prefetch;prerender"}
    assert (await api.stranger.get(link, headers=ahead)).status_code == 503
    assert (await api.stranger.get(link)).status_code == 303


async def test_no_secret_of_a_sign_in_reaches_the_logs(api: Api, settings: Settings) -> None:
    link = await api.link()
    secret = cookie_of(await api.stranger.get(link))["value"]
    await api.stranger.get(link)
    logged = (Path(settings.log_dir) / "app.log").read_text()
    assert "/sign-in?token=***" in logged
    for text in (link.partition("=")[2], secret):
        assert text not in logged


# -- sessions -------------------------------------------------------------------------------


async def test_a_password_signs_a_browser_in_and_out(api: Api) -> None:
    await (await api.as_user()).post("/api/v1/users", json=BOB)
    browser = api.stranger
    problem_of(await browser.post(SESSION, json={**BOB, "password": "wrong one"}), 401)
    answer = await browser.post(SESSION, json=BOB)
    opened = answer.json()
    assert (opened["email"], opened["role"], opened["kind"]) == (BOB["email"], "user", "session")
    assert "tasks:write" in opened["scopes"]
    cookie = cookie_of(answer)
    assert cookie["value"] not in answer.text
    assert (await browser.get(SESSION)).json() == opened

    kept = httpx2.Cookies({cookie["name"]: cookie["value"]})
    left = await browser.delete(SESSION, headers={"X-Requested-With": "test"})
    assert (left.status_code, left.content) == (204, b"")
    assert cookie_of(left)["max-age"] == "0"
    assert problem_of(await browser.get(SESSION), 401)["code"] == "token_missing"
    thief = httpx2.AsyncClient(base_url=api.url, cookies=kept)
    api.clients.append(thief)
    assert problem_of(await thief.get(SESSION), 401)["code"] == "session_over"


async def test_a_session_works_like_a_token_of_its_user(api: Api) -> None:
    browser = await api.signed_in("bob@example.org")
    task = await create(browser)
    assert [row["id"] for row in (await browser.get(TASKS)).json()] == [task["id"]]
    assert (await browser.post(f"{TASKS}{task['id']}/cancel")).status_code == 200
    problem_of(await browser.get("/api/v1/users"), 403)
    by_token = await api.as_user("bob@example.org")
    assert (await by_token.get(TASKS + task["id"])).json()["status"] == "revoked"


async def test_the_token_in_a_request_counts_before_the_session(api: Api) -> None:
    browser = await api.signed_in("bob@example.org")
    other = await api.as_user("eve@example.org")
    answer = await browser.get(SESSION, headers={"Authorization": other.headers["authorization"]})
    assert (answer.json()["email"], answer.json()["kind"]) == ("eve@example.org", "api")
    problem_of(await browser.get(SESSION, headers={"Authorization": "Bearer tsk_no"}), 401)


async def test_each_kind_of_secret_counts_in_its_place_only(api: Api) -> None:
    browser = await api.signed_in()
    (session,) = [cookie.value for cookie in browser.cookies.jar]
    link = (await api.link()).partition("=")[2]
    token = str((await api.as_user()).headers["authorization"]).removeprefix("Bearer ")
    for secret in (session, link):
        problem_of(await api.with_token(secret).get(TASKS), 401)
    for secret in (token, link):
        cookie = {"Cookie": f"tasksystem_session={secret}"}
        problem_of(await api.stranger.get(TASKS, headers=cookie), 401)
    for secret in (token, session):
        assert (await api.stranger.get(f"/sign-in?token={secret}")).status_code == 410


async def test_sessions_and_links_are_no_tokens_in_the_list(api: Api) -> None:
    browser = await api.signed_in()
    await api.link()
    listed = (await browser.get("/api/v1/tokens", params={"everybody": "true"})).json()
    assert {token["prefix"][:4] for token in listed} <= {"tsk_"}


async def test_a_token_has_no_session_to_end(api: Api) -> None:
    client = await api.as_user()
    assert problem_of(await client.delete(SESSION), 409)["code"] == "no_session"


async def _over(browser: httpx2.AsyncClient) -> None:
    """The API has forgotten what it knew of the session."""

    async def refused() -> bool:
        return (await browser.get(SESSION)).status_code == 401

    await eventually(refused, within=identity.CACHE_SECONDS + 1, what="the session is over")


async def test_a_session_ends_with_its_time_and_with_its_user(api: Api) -> None:
    for end in (
        update(Token).where(Token.kind == "session").values(expires_at=after(-1)),
        update(User).where(User.email == ADMIN).values(disabled_at=now()),
    ):
        browser = await api.signed_in()
        assert (await browser.get(SESSION)).status_code == 200
        await force(end)
        await _over(browser)
        assert problem_of(await browser.get(SESSION), 401)["code"] == "session_over"


async def test_over_tls_the_cookie_is_secure_and_this_hosts_alone(api: Api) -> None:
    tls = {"X-Forwarded-Proto": "https"}
    answer = await api.stranger.get(await api.link(), headers=tls)
    cookie = cookie_of(answer)
    assert cookie["name"] == "__Host-tasksystem_session"
    assert "secure" in cookie
    sent = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    assert (await api.stranger.get(SESSION, headers={**tls, **sent})).status_code == 200
    problem_of(await api.stranger.get(SESSION, headers=sent), 401)


async def test_what_is_over_is_removed_and_tokens_stay(api: Api) -> None:
    browser = await api.signed_in()
    await api.link()
    await (await api.as_user()).post("/api/v1/tokens", json={"expires_in": 1})
    await force(update(Token).values(expires_at=after(-2 * 86_400)))
    await asyncio.to_thread(_prune)
    async with async_session() as db:
        kinds = set(await db.scalars(select(Token.kind)))
    assert kinds == {"api"}
    await _over(browser)
    problem_of(await browser.get(SESSION), 401)


def _prune() -> None:
    database = Database()
    prune.run_once(database, 100)
    database.close()


# -- other sites ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "csrf_header_missing"),
        ({"Sec-Fetch-Site": "same-origin"}, "csrf_header_missing"),
        ({"X-Requested-With": "x", "Sec-Fetch-Site": "cross-site"}, "cross_site"),
        ({"X-Requested-With": "x", "Sec-Fetch-Site": "same-site"}, "cross_site"),
        ({"X-Requested-With": "x", "Sec-Fetch-Site": "none"}, "cross_site"),
        ({"X-Requested-With": "x", "Origin": "http://evil.example"}, "cross_site"),
        ({"X-Requested-With": "x", "Origin": "http://127.0.0.1:1"}, "cross_site"),
        ({"X-Requested-With": "x", "Origin": "null"}, "cross_site"),
    ],
)
async def test_a_change_that_another_site_may_have_caused_is_refused(
    api: Api, headers: dict[str, str], code: str
) -> None:
    browser = await api.signed_in()
    task = await create(browser)
    del browser.headers["X-Requested-With"]
    for method, path in (("POST", f"{TASKS}{task['id']}/cancel"), ("DELETE", TASKS + task["id"])):
        answer = await browser.request(method, path, headers=headers)
        assert problem_of(answer, 403)["code"] == code
    assert (await browser.get(TASKS + task["id"], headers=headers)).json()["status"] == "pending"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "own"}, {}])
async def test_a_change_by_our_own_page_is_taken(api: Api, headers: dict[str, str]) -> None:
    browser = await api.signed_in()
    task = await create(browser)
    sent = {name: api.url if value == "own" else value for name, value in headers.items()}
    answer = await browser.delete(TASKS + task["id"], headers=sent)
    assert answer.status_code == 200


async def test_a_token_needs_none_of_this(api: Api) -> None:
    client = await api.as_user()
    task = await create(client)
    answer = await client.delete(TASKS + task["id"], headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200


async def test_another_site_cannot_sign_a_browser_in(api: Api) -> None:
    await (await api.as_user()).post("/api/v1/users", json=BOB)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    problem_of(await api.stranger.post(SESSION, json=BOB, headers=foreign), 403)
    form = await api.stranger.post(
        SESSION, content=json.dumps(BOB), headers={"Content-Type": "text/plain"}
    )
    problem_of(form, 415)


@pytest.mark.parametrize("origins", ["", "http://evil.example"])
async def test_no_origin_is_let_to_send_the_header(
    clean_settings: pytest.MonkeyPatch, settings: Settings, origins: str
) -> None:
    """Neither where none may read, nor one that may."""
    use_settings(clean_settings, cors_origins=origins)
    async with serving() as api:
        answer = await api.stranger.options(
            TASKS,
            headers={
                "Origin": "http://evil.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "X-Requested-With",
            },
        )
    assert answer.status_code == (400 if origins else 405)
    allowed = answer.headers.get("access-control-allow-headers", "")
    assert "x-requested-with" not in allowed.lower()
    assert "access-control-allow-credentials" not in answer.headers


# -- pages ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("unbuilt")
async def test_the_first_page_says_what_there_is_and_who_one_is(api: Api) -> None:
    signed_in = await api.signed_in()
    for browser, said in ((api.stranger, "not signed in"), (signed_in, f"signed in as {ADMIN}")):
        page = await browser.get("/")
        assert page.status_code == 200
        assert said in page.text
        for part in ("/docs", "/redoc", "http://localhost:5555", "make -s token"):
            assert part in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "<script" not in page.text


@pytest.mark.usefixtures("unbuilt")
async def test_an_odd_name_cannot_write_into_the_page(api: Api) -> None:
    page = await (await api.signed_in("<b>&@example.org")).get("/")
    assert "&lt;b&gt;&amp;@example.org" in page.text


async def test_the_documentation_sends_what_a_change_needs(api: Api) -> None:
    page = (await api.stranger.get("/docs")).text
    assert 'request.headers["X-Requested-With"]' in page
