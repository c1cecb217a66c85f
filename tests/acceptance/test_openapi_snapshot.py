"""The API's description: complete, and changed only on purpose.

After a change that is meant: `OPENAPI_UPDATE=1 pytest tests/acceptance/test_openapi_snapshot.py`,
and look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SNAPSHOT = Path(__file__).parent / "openapi.json"
Operation = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description as it is served."""
    from app.main import create_app

    described: dict[str, Any] = json.loads(json.dumps(create_app().openapi()))
    return described


def _operations(described: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_description_is_the_one_agreed_on(described: dict[str, Any]) -> None:
    text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("OPENAPI_UPDATE"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == described, (
        "the API's description has changed; if it was meant to: OPENAPI_UPDATE=1 "
        "pytest tests/acceptance/test_openapi_snapshot.py"
    )


def test_operation_ids_are_unique_verbs(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in _operations(described)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", each) for each in ids), ids


def test_every_operation_is_explained(described: dict[str, Any]) -> None:
    for method, path, operation in _operations(described):
        assert operation.get("description"), f"{method} {path}"
        assert len(operation["tags"]) == 1, f"{method} {path}"


def test_every_error_is_a_problem(described: dict[str, Any]) -> None:
    for method, path, operation in _operations(described):
        errors = {s: r for s, r in operation["responses"].items() if s >= "400"}
        expected = {"422", "503"} if not operation.get("security") else {"401", "403", "422", "503"}
        assert expected <= set(errors), f"{method} {path}"
        for status, answer in errors.items():
            if (path, status) == ("/health/ready", "503"):
                continue  # says what is wrong part by part
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, f"{method} {path} {status}"


def test_only_the_open_operations_ask_for_no_token(described: dict[str, Any]) -> None:
    found = {
        f"{method} {path}" for method, path, op in _operations(described) if not op.get("security")
    }
    assert found == {
        "get /health/live",
        "get /health/ready",
        "post /api/v1/auth/token",
        "post /api/v1/auth/session",
    }


def test_a_token_and_a_session_are_the_two_ways_in(described: dict[str, Any]) -> None:
    for method, path, operation in _operations(described):
        ways = [name for way in operation.get("security", ()) for name in way]
        assert ways in ([], ["token", "session"]), f"{method} {path}"


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described)))
    assert names <= set(described["components"]["schemas"])
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_the_main_bodies_have_examples(described: dict[str, Any]) -> None:
    for name in ("TaskCreate", "Task", "Problem", "TokenCreate"):
        assert described["components"]["schemas"][name]["examples"], name
