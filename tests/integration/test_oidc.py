"""Tokens of an identity provider: which count, whose they are, and what they may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from app.core.config import Settings
from app.db.clock import now
from app.db.session import async_session, read_session
from app.models import User
from app.services import oidc, oidc_keys
from app.services.oidc_users import user_id_of
from tests.support.api import ADMIN, Api, create, eventually, problem_of
from tests.support.audit import entries
from tests.support.databases import on_sqlite
from tests.support.environment import use_settings
from tests.support.issuer import AUDIENCE, Issuer, issuing, new_key

pytestmark = pytest.mark.usefixtures("no_feeder")
# Where the statements are not the matter.

ME, USERS, WORKERS = "/api/v1/users/me", "/api/v1/users", "/api/v1/workers"
INVALID = 'Bearer error="invalid_token"'


@pytest.fixture
def issuer(settings: Settings, clean_settings: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """A provider that the system trusts."""
    with issuing() as started:
        use_settings(clean_settings, **started.settings())
        yield started


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """So many seconds pass for whoever keeps the keys."""
    passed = 0.0

    def go(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(oidc_keys, "clock", lambda: time.monotonic() + passed)
    return go


async def ask(api: Api, token: str, path: str = ME) -> httpx2.Response:
    """What whoever comes with the token is answered."""
    return await api.with_token(token).get(path)


async def people(api: Api) -> list[str]:
    """Emails of all users."""
    return [user["email"] for user in (await (await api.as_user()).get(USERS)).json()]


def refused(answer: httpx2.Response, why: str = "") -> None:
    """The token was not believed, and the answer says so as a client expects it."""
    assert problem_of(answer, 401)["code"] == "invalid_token", why
    assert answer.headers["www-authenticate"] == INVALID, why


# -- which count --------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_whoever_the_issuer_vouches_for_is_let_in(
    api: Api, issuer: Issuer, algorithm: str
) -> None:
    issuer.keys = [new_key("a", algorithm), new_key("b")]
    ada = api.with_token(issuer.token())
    me = (await ada.get(ME)).json()
    assert (me["email"], me["role"]) == ("ada@example.org", "user")
    assert me["id"] == str(user_id_of(issuer.url, "ada"))
    assert set(me["scopes"]) == {"tasks:read", "tasks:write", "queues:read", "tokens:write"}
    assert (await create(ada))["user_id"] == me["id"]
    assert issuer.fetches == 1


@on_sqlite
async def test_clocks_may_differ_by_half_a_minute(api: Api, issuer: Issuer) -> None:
    seconds = int(time.time())
    early = {"nbf": seconds + 20, "iat": seconds + 20}
    for claims in ({"exp": seconds - 20}, early, {"nbf": ...}, {"exp": 10**15}):
        assert (await ask(api, issuer.token(**claims))).status_code == 200, claims


def unsound(issuer: Issuer) -> dict[str, str]:
    """Tokens that must not count, by what is wrong with them."""
    seconds, key = int(time.time()), issuer.keys[0]
    sound, other = issuer.token(), issuer.token(sub="bob")
    changed = ".".join([sound.split(".")[0], other.split(".")[1], sound.split(".")[2]])
    known = {"kid": key.id, "typ": "JWT"}
    deep = "W1tb" * 3000
    return {
        "over": issuer.token(exp=seconds - 60),
        "not yet": issuer.token(nbf=seconds + 60),
        "for another": issuer.token(aud="another"),
        "for several others": issuer.token(aud=["another", "a third"]),
        "of another issuer": issuer.token(iss="http://127.0.0.1/realms/other"),
        **{f"without {name}": issuer.token(**{name: ...}) for name in ("iss", "aud", "exp", "sub")},
        "of nobody": issuer.token(sub=""),
        "of a number": issuer.token(sub=5),
        "of control characters": issuer.token(sub="a\nb"),
        "without an end": issuer.token(exp="never"),
        "that never ends": issuer.token(exp=float("inf")),
        "unsigned": issuer.forged({"alg": "none", **known}, None),
        "unsigned, by another spelling": issuer.forged({"alg": "None", **known}, None),
        "with the public key as a secret": issuer.forged({"alg": "HS256", **known}, key.pem),
        "with an empty secret": issuer.forged({"alg": "HS256", **known}, b""),
        "of an algorithm that is no text": issuer.forged({"alg": ["ES256"], **known}, b"x"),
        "by another key of that name": issuer.token(new_key(key.id)),
        "by a key of another kind": issuer.token(new_key(key.id, "RS256")),
        "by a key that nobody knows": issuer.token(new_key("unknown")),
        "with a key that is no text": issuer.forged({"alg": "ES256", "kid": {}}, b"x"),
        "with changed claims": changed,
        "cut off": sound[:-8],
        "not one": "a.b.c",
        "nothing": "..",
        "brackets": f"{deep}.{deep}.x",
        "long": f"{'e' * 10_000}.{'e' * 10_000}.x",
    }


@on_sqlite
async def test_what_is_not_sound_is_refused_and_makes_nobody(api: Api, issuer: Issuer) -> None:
    for why, token in unsound(issuer).items():
        refused(await ask(api, token), why)
    assert await people(api) == [ADMIN]
    # One look for the keys, and one more for those that nobody knows.
    assert issuer.fetches <= 2


@on_sqlite
async def test_tokens_of_this_system_count_as_before(api: Api, issuer: Issuer) -> None:
    assert (await (await api.as_user()).get(ME)).status_code == 200
    assert (await (await api.signed_in()).get(ME)).status_code == 200
    answer = await ask(api, "tsk_unknown")
    assert problem_of(answer, 401)["code"] == "invalid_token"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert issuer.asked == []


@on_sqlite
async def test_without_an_issuer_a_providers_token_is_an_unknown_one(api: Api) -> None:
    with issuing() as nobodys:
        answer = await ask(api, nobodys.token())
    assert problem_of(answer, 401)["code"] == "invalid_token"
    assert nobodys.asked == []


# -- whose they are -----------------------------------------------------------------------------


async def test_many_first_requests_at_once_make_one_user(api: Api, issuer: Issuer) -> None:
    ada = api.with_token(issuer.token())
    answers = await asyncio.gather(*(ada.get(ME) for _ in range(8)))
    # The same person, by another token, to another process or after a while.
    oidc._provider.cache_clear()
    answers.append(await ask(api, issuer.token(iat=int(time.time()) - 5)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["id"] for answer in answers} == {str(user_id_of(issuer.url, "ada"))}
    assert await people(api) == ["ada@example.org", ADMIN]
    made = [each for each in await entries(action="createUser") if each.status == 200]
    assert [(each.email, each.detail["role"]) for each in made] == [("ada@example.org", "user")]


@on_sqlite
async def test_an_email_leads_to_nobodys_tasks(api: Api, issuer: Issuer) -> None:
    local = await api.as_user("ada@example.org")
    task = await create(local)
    names = []
    for subject in ("ada", "bob", "auth0|7", "eve@corp"):
        client = api.with_token(issuer.token(sub=subject))
        me = (await client.get(ME)).json()
        assert me["id"] == str(user_id_of(issuer.url, subject))
        problem_of(await client.get(f"/api/v1/tasks/{task['id']}"), 404)
        names.append(me["email"])
    assert names[:3] == ["ada@127.0.0.1", "bob@127.0.0.1", "auth0|7@127.0.0.1"]
    assert names[3] == f"{user_id_of(issuer.url, 'eve@corp')}@127.0.0.1"


@on_sqlite
@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": ...},
        {"email_verified": "true"},
        {"email": ...},
        {"email": "nobody"},
        {"email": "a\nb@example.org"},
        {"email": "\ud800@example.org"},
        {"email": ["ada@example.org"]},
        {"email": ADMIN},
    ],
    ids=str,
)
async def test_an_email_that_may_be_anybodys_names_nobody(
    api: Api, issuer: Issuer, claims: dict[str, Any]
) -> None:
    answer = await ask(api, issuer.token(**claims))
    assert (answer.status_code, answer.json()["email"]) == (200, "ada@127.0.0.1")


async def test_the_role_is_what_the_newest_token_says(api: Api, issuer: Issuer) -> None:
    for role, status in (("user", 403), ("operator", 200), ("user", 403)):
        client = api.with_token(issuer.token(roles=[role]))
        assert (await client.get(WORKERS)).status_code == status, role
        async with read_session() as db:
            kept = await db.scalar(select(User.role).where(User.email == "ada@example.org"))
        assert kept == role
    changes = await entries(action="changeRole")
    assert [(each.detail["role"], each.status) for each in changes] == [
        ("operator", 200),
        ("user", 200),
    ]


ROLES: list[tuple[dict[str, str], dict[str, Any], str | None]] = [
    ({}, {"roles": ["user", "admin", "operator"]}, "admin"),
    ({}, {"roles": "openid operator"}, "operator"),
    ({}, {"roles": ["Admin", "administrators", 7, None]}, None),
    ({}, {"roles": []}, None),
    ({}, {"roles": {"admin": True}}, None),
    ({}, {"roles": ...}, None),
    ({"oidc_roles": "task-admins=admin"}, {"roles": ["admin"]}, None),
    ({"oidc_roles": "task-admins=admin,*=user"}, {"roles": ["task-admins"]}, "admin"),
    ({"oidc_roles": "task-admins=admin,*=user"}, {"roles": ...}, "user"),
    (
        {"oidc_role_claim": "realm_access.roles", "oidc_roles": "CN=ops=operator"},
        {"realm_access": {"roles": ["CN=ops"]}},
        "operator",
    ),
    ({"oidc_role_claim": "realm_access.roles"}, {"realm_access": "admin"}, None),
    (
        {"oidc_role_claim": "https://example.org/roles"},
        {"https://example.org/roles": ["user"]},
        "user",
    ),
]


@on_sqlite
async def test_a_claim_says_the_role_and_without_one_nobody_gets_in(
    api: Api, issuer: Issuer, clean_settings: pytest.MonkeyPatch
) -> None:
    plain = {"oidc_role_claim": "roles", "oidc_roles": ""}
    for number, (settings, claims, role) in enumerate(ROLES):
        use_settings(clean_settings, **{**plain, **settings})
        subject = f"user-{number}"
        answer = await ask(api, issuer.token(sub=subject, email=..., **claims))
        if role is not None:
            assert answer.json()["role"] == role, (settings, claims)
            continue
        assert problem_of(answer, 403)["code"] == "no_role", (settings, claims)
        assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
        assert f"{subject}@127.0.0.1" not in await people(api)


@on_sqlite
async def test_a_disabled_user_is_refused_whatever_the_issuer_says(
    api: Api, issuer: Issuer
) -> None:
    token = issuer.token()
    assert (await ask(api, token)).status_code == 200
    async with async_session() as db:
        gone = update(User).where(User.email == "ada@example.org").values(disabled_at=now())
        await db.execute(gone)
        await db.commit()

    async def shut_out() -> bool:
        return (await ask(api, token)).status_code == 401

    await eventually(shut_out, within=oidc.CACHE_SECONDS + 1, what="the user is shut out")
    refused(await ask(api, token))
    refused(await ask(api, issuer.token(roles=["admin"])))


# -- keys ---------------------------------------------------------------------------------------


@on_sqlite
async def test_new_keys_count_at_once_and_withdrawn_ones_no_more(api: Api, issuer: Issuer) -> None:
    old, new = issuer.keys[0], new_key("second")
    assert (await ask(api, issuer.token())).status_code == 200
    issuer.keys = [new]
    assert (await ask(api, issuer.token(sub="bob"))).status_code == 200
    assert issuer.fetches == 2
    refused(await ask(api, issuer.token(old, sub="eve")))
    assert issuer.fetches == 2


@on_sqlite
async def test_unknown_keys_are_looked_for_once_a_minute(
    api: Api, issuer: Issuer, later: Callable[[float], None]
) -> None:
    assert (await ask(api, issuer.token())).status_code == 200
    for minute in range(3):
        for number in range(5):
            refused(await ask(api, issuer.token(new_key(f"made-up-{number}"))))
        assert issuer.fetches == 2 + minute
        later(oidc_keys.UNKNOWN_SECONDS + 1)


@on_sqlite
async def test_many_at_once_cost_the_issuer_one_request(api: Api, issuer: Issuer) -> None:
    tokens = [issuer.token(sub=f"user-{number}", email=...) for number in range(8)]
    answers = await asyncio.gather(*(ask(api, token) for token in tokens))
    assert {answer.status_code for answer in answers} == {200}
    assert issuer.fetches == 1


def unavailable(answer: httpx2.Response, why: object = "") -> None:
    """Nobody can tell now, and the answer says when to come again."""
    assert problem_of(answer, 503)["code"] == "issuer_unavailable", why
    assert int(answer.headers["retry-after"]) > 0


@on_sqlite
async def test_an_issuer_that_cannot_be_asked_is_503_until_it_can(
    api: Api, issuer: Issuer, later: Callable[[float], None]
) -> None:
    faults: list[dict[str, Any]] = [
        {"status": 500},
        {"status": 302},
        {"called": "http://127.0.0.1/realms/other"},
        {"keys": []},
    ]
    sound = {"status": 200, "called": None, "keys": issuer.keys}
    token = issuer.token()
    for fault in faults:
        for name, value in {**sound, **fault}.items():
            setattr(issuer, name, value)
        asked = len(issuer.asked)
        for _ in range(3):
            unavailable(await ask(api, token), fault)
        # Whoever comes a moment later does not ask again.
        assert len(issuer.asked) - asked <= 2, fault
        later(oidc_keys.RETRY_SECONDS + 0.1)
    # Meanwhile everybody else is let in.
    assert (await (await api.as_user()).get(ME)).status_code == 200
    for name, value in sound.items():
        setattr(issuer, name, value)
    assert (await ask(api, token)).status_code == 200


@on_sqlite
async def test_an_issuer_that_is_slow_holds_nobody_up(api: Api, issuer: Issuer) -> None:
    issuer.held.clear()
    began = time.monotonic()
    unavailable(await ask(api, issuer.token()))
    assert time.monotonic() - began < 2.5
    issuer.held.set()

    async def let_in() -> bool:
        return (await ask(api, issuer.token())).status_code == 200

    await eventually(let_in, within=5, what="the answer that was slow is used")


@on_sqlite
async def test_known_keys_count_on_while_the_issuer_is_away_but_not_for_ever(
    api: Api, issuer: Issuer, later: Callable[[float], None]
) -> None:
    assert (await ask(api, issuer.token())).status_code == 200
    issuer.status = 500
    later(oidc_keys.FRESH_SECONDS + 1)
    assert (await ask(api, issuer.token(sub="bob"))).status_code == 200

    async def asked() -> bool:
        return len(issuer.asked) > 2

    await eventually(asked, within=5, what="it is asked whether the keys are still the same")
    # A key that may be new is neither known nor unknown now.
    unavailable(await ask(api, issuer.token(new_key("second"))))
    later(oidc_keys.KEPT_SECONDS)
    unavailable(await ask(api, issuer.token(sub="eve")))


@on_sqlite
async def test_the_address_of_the_keys_can_be_given(
    api: Api, issuer: Issuer, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, oidc_jwks_url=f"{issuer.url}/keys")
    issuer.called = "http://127.0.0.1/realms/other"
    assert (await ask(api, issuer.token(aud=["another", AUDIENCE]))).status_code == 200
    assert issuer.asked == ["/realms/main/keys"]
