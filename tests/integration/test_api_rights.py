"""Who may do what: every route asks for a token and for the scopes that it names, or says why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import httpx2
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from app.api.routing import Router, StrictRoute, public
from app.core.security import Scope
from tests.support.api import ADMIN, Api, create, problem_of
from tests.support.databases import on_sqlite
from tests.support.operations import Operation, operations
from tests.support.walking import ask, body_of, url_of

# What this file is about does not reach the database.

# Routes of the API that everybody may use, and why.
OPEN = {
    "GET /health/live": "a load balancer has no token; it says that the process lives, and its version",
    "GET /health/ready": "the same; it says what is out of reach, and nothing about tasks",
    "POST /api/v1/auth/token": "whoever signs in has no token yet",
    "POST /api/v1/auth/session": "the same",
}
# Routes for which any token will do, and why.
ANY_TOKEN = {
    "GET /api/v1/auth/session": "tells whoever asks who that is",
    "DELETE /api/v1/auth/session": "ends the session of whoever asks",
    "GET /api/v1/users/me": "tells whoever asks who that is",
}
# What is served beside the API: pages, files and the description, none of which holds anybody's data.
PAGES = {
    "/": "leads to the page, or says how to build it",
    "/sign-in": "exchanges a link for a session",
    "/openapi.json": "the description of the API",
    "/docs": "shows it",
    "/docs/": "shows it",
    "/redoc": "shows it",
    "/redoc/": "shows it",
    "/docs/assets": "files of these pages",
    "/ui": "the page, which asks the API with its visitor's session",
    "/ui/{screen:path}": "the same",
    "/ui/assets": "its files",
}
TASKS = "/api/v1/tasks/"


def _routes(api: Api) -> Iterator[tuple[str, APIRoute]]:
    for context in iter_route_contexts(api.app.routes):
        if isinstance(context.original_route, APIRoute):
            for method in context.methods or ():
                yield f"{method} {context.path}", context.original_route


def _scopes(dependant: Dependant) -> list[tuple[Scope, ...]]:
    """What a route asks for: of each of these, one."""
    found = [scopes] if (scopes := getattr(dependant.call, "scopes", None)) is not None else []
    return found + [scope for inner in dependant.dependencies for scope in _scopes(inner)]


def _guarded(api: Api) -> Iterator[tuple[Operation, list[tuple[Scope, ...]]]]:
    """Operations that ask for scopes, and for which."""
    described = {str(each): each for each in operations(api.app.openapi())}
    for name, route in _routes(api):
        needed = [scopes for scopes in dict.fromkeys(_scopes(route.dependant)) if scopes]
        if needed:
            yield described[name], needed


@on_sqlite
async def test_every_route_says_who_may_use_it(api: Api) -> None:
    """A new one names its right; or it is open, and stands above with the reason."""
    is_open, any_token = set(), set()
    for name, route in _routes(api):
        assert isinstance(route, StrictRoute), name
        scopes = _scopes(route.dependant)
        if route.is_public:
            assert not scopes, name
            is_open.add(name)
        else:
            assert scopes, f"{name} names no right"
            any_token |= set() if any(scopes) else {name}
    assert is_open == set(OPEN)
    assert any_token == set(ANY_TOKEN)
    others = {
        str(getattr(each, "path", each))
        for each in api.app.routes
        if not isinstance(each, APIRoute)
    }
    assert others == set(PAGES)


def test_a_route_that_names_no_right_stops_the_start() -> None:
    async def forgotten() -> None:
        """Nobody has thought of who may."""

    router = Router(prefix="/odd")
    with pytest.raises(TypeError, match=r"GET /api/v1/odd/all names no right: give the endpoint"):
        router.add_api_route("/all", forgotten, methods=["GET"])
    assert router.routes == []
    router.add_api_route("/all", public(forgotten), methods=["GET"])
    assert [str(getattr(each, "path", "")) for each in router.routes] == ["/api/v1/odd/all"]


@on_sqlite
async def test_every_route_but_the_open_ones_asks_for_a_token(api: Api) -> None:
    stranger, asked = api.stranger, 0
    for operation in operations(api.app.openapi()):
        answer = await ask(stranger, operation, url_of(operation))
        if str(operation) in OPEN:
            assert answer.status_code != 401, operation
            continue
        asked += 1
        assert problem_of(answer, 401)["code"] == "token_missing", operation
        assert answer.headers["www-authenticate"] == "Bearer"
    assert asked > 60


class _Clients:
    """Clients of an administrator, each with a token of exactly these scopes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._made: dict[frozenset[Scope], httpx2.AsyncClient] = {}

    async def with_scopes(self, scopes: Iterable[Scope]) -> httpx2.AsyncClient:
        wanted = frozenset(scopes)
        if wanted not in self._made:
            self._made[wanted] = await self._api.as_user(ADMIN, scopes=sorted(wanted))
        return self._made[wanted]


@on_sqlite
async def test_every_right_is_refused_without_its_scope(api: Api) -> None:
    """Even to a token that has all the others."""
    clients, refused = _Clients(api), 0
    for operation, needed in _guarded(api):
        for any_of in needed:
            client = await clients.with_scopes(set(Scope) - set(any_of))
            answer = await ask(client, operation, url_of(operation), **body_of(operation))
            problem = problem_of(answer, 403)
            assert problem["code"] == "scope_missing", operation
            assert all(scope in problem["detail"] for scope in any_of), operation
            refused += 1
    assert refused > 60


@on_sqlite
@pytest.mark.usefixtures("no_feeder")
async def test_a_right_needs_no_more_than_its_scope(api: Api) -> None:
    clients = _Clients(api)
    for operation, needed in _guarded(api):
        for enough in product(*needed):
            client = await clients.with_scopes(enough)
            answer = await ask(client, operation, url_of(operation), **body_of(operation))
            assert answer.status_code not in (401, 403), f"{operation} with {enough}"
            assert answer.status_code < 500, f"{operation} with {enough}"


@on_sqlite
async def test_a_broken_token_is_refused_like_an_unknown_one(api: Api) -> None:
    for header in ("Bearer", "Basic YTpi", "Bearer tsk_unknown", "Bearer é", "x"):
        answer = await api.stranger.get(TASKS, headers={b"Authorization": header.encode()})
        problem_of(answer, 401)


@on_sqlite
async def test_another_site_changes_nothing_through_a_session(api: Api) -> None:
    browser = await api.signed_in()
    changes = [
        each
        for each in operations(api.app.openapi())
        if each.method != "GET" and str(each) not in OPEN
    ]
    assert len(changes) > 20
    for operation in changes:
        headers = {"Sec-Fetch-Site": "cross-site"}
        foreign = await browser.request(operation.method, url_of(operation), headers=headers)
        assert problem_of(foreign, 403)["code"] == "cross_site", operation


async def test_an_operator_sees_and_cancels_everybodys_tasks(api: Api) -> None:
    owner = await api.as_user("owner@example.org")
    operator = await api.as_user("op@example.org", role="operator")
    task = await create(owner)
    assert [row["id"] for row in (await operator.get(TASKS)).json()] == [task["id"]]
    assert (await operator.post(f"{TASKS}{task['id']}/cancel")).status_code == 200


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("user", "POST", "/api/v1/queues/default/pause", 403),
        ("user", "GET", "/api/v1/workers", 403),
        ("user", "GET", "/metrics", 403),
        ("operator", "POST", "/api/v1/queues/default/pause", 200),
        ("operator", "GET", "/api/v1/workers", 200),
        ("operator", "GET", "/api/v1/users", 403),
        ("operator", "GET", "/api/v1/audit", 403),
        ("operator", "GET", "/api/v1/tokens?everybody=true", 403),
        ("admin", "GET", "/api/v1/users", 200),
        ("admin", "GET", "/api/v1/audit", 200),
        ("admin", "GET", "/api/v1/tokens?everybody=true", 200),
    ],
)
@on_sqlite
async def test_roles(api: Api, role: str, method: str, path: str, status: int) -> None:
    client = await api.as_user(f"{role}@example.org", role=role)
    assert (await client.request(method, path)).status_code == status
