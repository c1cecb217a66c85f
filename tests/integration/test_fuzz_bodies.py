"""Bodies that nobody would write, sent to every kind of route: refused in the one shape, or taken."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from app.api import json_body
from tests.support.api import Api, problem_of
from tests.support.databases import on_sqlite
from tests.support.exploring import bodies, damaged, explore_here
from tests.support.walking import GOOD, JSON
from tests.unit.test_fuzz_bodies import CODES, Unsound, plain

pytestmark = [
    pytest.mark.usefixtures("no_feeder"),
    on_sqlite,
]

# A route by FastAPI, one past it, and the one that takes very many tasks; with the depth of each.
ROUTES = {
    "/api/v1/schedules/": json_body.MAX_DEPTH,
    "/api/v1/tasks/": json_body.MAX_DEPTH,
    "/api/v1/tasks/bulk": json_body.MAX_DEPTH + 2,
}


def good(path: str) -> bytes:
    """A body that it takes."""
    return json.dumps(GOOD[f"POST {path}"]).encode()


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """A route, and a body that may be a good one to which something has happened."""
    path = draw(st.sampled_from(list(ROUTES)))
    return path, draw(bodies | damaged(good(path)) | damaged(good(path)).flatmap(damaged))


def is_sound(raw: bytes, depth: int) -> bool:
    """Whether it is JSON within the limits."""
    try:
        plain(raw, depth)
    except Unsound:
        return False
    return True


async def test_whatever_is_sent_is_refused_in_the_one_shape_or_taken(
    api: Api, pytestconfig: pytest.Config
) -> None:
    client = await api.as_user()
    codes: set[str] = set()

    async def check(request: tuple[str, bytes]) -> None:
        path, raw = request
        answer = await client.post(path, content=raw, headers=JSON)
        if raw and not is_sound(raw, ROUTES[path]):
            problem = problem_of(answer, 422)
            assert problem["code"] in CODES
            codes.add(problem["code"])
        elif answer.status_code not in (200, 201):
            assert answer.status_code in (409, 422), answer.text
            problem_of(answer, answer.status_code)

    await explore_here(check, requests(), seed=pytestconfig.option.chaos_seed, number=300)
    assert len(codes) > 2
