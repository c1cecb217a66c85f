"""Whatever the API's description allows, and much that it forbids, is answered as the description says.

Schemathesis makes the requests out of the description alone, so a new route is tried by itself. They are
the same for a commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest import SkipTest

import pytest
from hypothesis import strategies as st

from tests.support.api import ADMIN, LONG, Api
from tests.support.belongings import belongings
from tests.support.databases import on_sqlite
from tests.support.exploring import explore
from tests.support.operations import Operation, operations
from tests.support.world import World

pytestmark = [
    pytest.mark.usefixtures("no_feeder"),
    on_sqlite,
]

# Requests of each operation.
NUMBER = 12
# What is not tried here, and why.
EXCEPT = {
    "GET /api/v1/tasks/events": "it does not end; tests/integration/test_api_events.py reads it",
    "GET /api/v1/tasks/{task_id}/events": "the same",
}
# Reading first, removing last: there is something to read, to change and to remove.
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")
CONFIGURATION = {"generation": {"with-security-parameters": False}}
TRIES = 3


def tried(api: Api) -> list[Operation]:
    """All operations but the exceptions."""
    found = operations(api.app.openapi())
    assert set(EXCEPT) <= {str(each) for each in found}
    wanted = [each for each in found if str(each) not in EXCEPT]
    return sorted(wanted, key=lambda each: (ORDER.index(each.method), each.path))


class Client:
    """Asks what schemathesis has made, and has it judge the answers."""

    def __init__(self, api: Api, token: str, known: dict[str, str]) -> None:
        import requests
        import schemathesis
        from schemathesis.checks import not_a_server_error
        from schemathesis.config import SchemathesisConfig
        from schemathesis.specs.openapi import checks

        self._url, self._known = api.url, known
        self._schema = schemathesis.openapi.from_dict(
            api.app.openapi(), config=SchemathesisConfig.from_dict(CONFIGURATION)
        )
        self._modes = tuple(schemathesis.GenerationMode)
        self._checks = [
            not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def cases(self, operation: Operation) -> st.SearchStrategy[Any]:
        """Requests that the description allows and ones that it forbids, about nothing and about something."""
        made: Any = self._schema[operation.path][operation.method]
        names = {each["name"] for each in operation.parameters("path")}
        about = {name: value for name, value in self._known.items() if name in names}
        if "reports" in operation.path:
            about["kind"] = "overview"
        found: list[st.SearchStrategy[Any]] = [
            made.as_strategy(generation_mode=mode, path_parameters=given)
            for mode in self._modes
            for given in ([None, about] if about else [None])
        ]
        found.append(made.as_strategy(path_parameters=about or None).map(self._of_our_function))
        return st.one_of(found)

    def _of_our_function(self, case: Any) -> Any:
        """A request for a function that there is, with arguments that fit it."""
        each = case.body.get("tasks", [case.body]) if isinstance(case.body, dict) else ()
        for one in each:
            if isinstance(one, dict) and "celery_task_name" in one:
                one |= {"celery_task_name": LONG, "args": [1], "kwargs": {}, "queue": None}
        return case

    def judge(self, case: Any) -> None:
        """Raises what is wrong with the answer, and how to ask again."""
        for _ in range(TRIES):
            answer = case.call(base_url=self._url, session=self._session)
            # On a machine that has much else to do a deadline may pass, and the answer says when to come.
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                break
        case.validate_response(answer, checks=self._checks)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def mistakes(client: Client, wanted: list[Operation], seed: int) -> Iterator[str]:
    """What is answered otherwise than it is described."""
    for operation in wanted:
        try:
            cases = client.cases(operation)
            explore(client.judge, cases, seed=seed, number=NUMBER, shrink=False)
        except SkipTest:
            continue  # nothing that could be sent is forbidden there
        except (Exception, BaseExceptionGroup) as exc:  # noqa: BLE001 - all of them are wanted
            yield f"{operation}: {exc}"[:3000]


async def test_answers_are_those_that_the_description_names(
    api: Api, world: World, pytestconfig: pytest.Config
) -> None:
    admin = await api.as_user()
    things = await belongings(admin, world, "Adm7k2qx", ADMIN)
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    known = {**things.ids, "name": "default", "kind": "queue"}
    client = Client(api, token, known)
    seed = pytestconfig.option.chaos_seed
    try:
        found = await asyncio.to_thread(lambda: list(mistakes(client, tried(api), seed)))
    finally:
        client.close()
    assert not found, "\n\n".join(found)
