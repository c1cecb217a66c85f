"""Whoever guesses tokens is refused without a look at the database, and nobody else is in their way."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from app.services import guessing, identity
from tests.support.api import Api, problem_of
from tests.support.databases import on_sqlite

ME, TOKENS = "/api/v1/users/me", "/api/v1/tokens"
MOST = 3


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MAX_WRONG", MOST)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the database: each look for one token, and each for all of them."""
    seen: list[Any] = []
    look, read = identity._look_up, guessing._read

    async def look_up(*key: Any) -> Any:
        seen.append(key)
        return await look(*key)

    async def read_all(live: Any) -> None:
        seen.append("all")
        await read(live)

    monkeypatch.setattr(identity, "_look_up", look_up)
    monkeypatch.setattr(guessing, "_read", read_all)
    return seen


async def wrong(api: Api, number: int) -> httpx2.Response:
    return await api.with_token(f"tsk_wrong{number}").get(ME)


async def test_many_unknown_tokens_are_refused_and_cost_the_database_nothing_more(
    api: Api, looks: list[Any]
) -> None:
    for number in range(MOST):
        problem_of(await wrong(api, number), 401)
    assert len(looks) == MOST
    looks.clear()
    answers = await asyncio.gather(*(wrong(api, number) for number in range(MOST, MOST + 20)))
    for answer in answers:
        assert problem_of(answer, 429)["code"] == "too_many_attempts"
        assert 0 < int(answer.headers["retry-after"]) <= guessing.WINDOW_SECONDS + 1
    assert set(looks) == {"all"}
    assert len(looks) <= 3


async def test_tokens_that_exist_work_on_from_the_same_address(api: Api) -> None:
    known = await api.as_user("bob@example.org")
    browser = await api.signed_in("carol@example.org")
    for number in range(MOST + 2):
        await wrong(api, number)
    identity._cache.clear()
    assert (await known.get(ME)).status_code == 200
    assert (await browser.get(ME)).status_code == 200
    # Also one that is made only now, and has not been read.
    made = (await known.post(TOKENS, json={})).json()
    assert (await api.with_token(made["token"]).get(ME)).status_code == 200
    link = await api.link("dora@example.org")
    assert (await api.stranger.get(link)).status_code == 303
    problem_of(await wrong(api, 99), 429)


@on_sqlite
async def test_the_same_wrong_token_again_is_no_further_guess(api: Api) -> None:
    for _ in range(MOST + 3):
        problem_of(await wrong(api, 0), 401)
        identity._cache.clear()
    problem_of(await wrong(api, 1), 401)


@on_sqlite
async def test_a_token_that_has_ended_is_no_guess(api: Api) -> None:
    client = await api.as_user("bob@example.org")
    for _ in range(MOST + 1):
        made = (await client.post(TOKENS, json={})).json()
        await client.delete(f"{TOKENS}/{made['id']}")
        problem_of(await api.with_token(made["token"]).get(ME), 401)
    problem_of(await wrong(api, 0), 401)


@on_sqlite
async def test_links_and_cookies_are_guessed_no_better(api: Api) -> None:
    for number in range(MOST):
        assert (await api.stranger.get(f"/sign-in?token=tsl_{number}")).status_code == 410
    refused = await api.stranger.get("/sign-in?token=tsl_more")
    assert (refused.status_code, "Not signed in" in refused.text) == (429, True)
    assert int(refused.headers["retry-after"]) > 0
    thief = httpx2.AsyncClient(base_url=api.url, cookies={"tasksystem_session": "tss_guessed"})
    api.clients.append(thief)
    problem_of(await thief.get(ME), 429)


@on_sqlite
async def test_what_was_tried_is_forgotten(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST + 1):
        await wrong(api, number)
    problem_of(await wrong(api, 99), 429)
    monkeypatch.setattr(guessing, "WINDOW_SECONDS", 0)
    problem_of(await wrong(api, 99), 401)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::1", "0.0.0.1", False),
        ("", "testclient", False),
    ],
)
def test_an_ipv6_network_is_one_address(one: str, other: str, same: bool) -> None:
    assert (guessing.source_of(one) == guessing.source_of(other)) == same
