"""Errors on the command line: a sentence and a code, never a traceback."""

from __future__ import annotations

import httpx2
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.cli.client import is_loopback, refusal, unreachable
from app.cli.failures import CliError, ExitCode, explained, places
from app.core.errors import ConfigurationError, Invalid


def answer(status: int, **parts: object) -> httpx2.Response:
    request = httpx2.Request("GET", "http://api.example/api/v1/tasks/")
    return httpx2.Response(status, request=request, **parts)  # type: ignore[arg-type]


def test_problem_is_shown_with_its_places() -> None:
    error = refusal(
        answer(
            422,
            json={
                "detail": "The arguments do not fit",
                "code": "invalid",
                "errors": [{"loc": ["body", "args", 0], "msg": "Not a number", "type": "float"}],
            },
        )
    )
    assert error.sentence == "The arguments do not fit"
    assert error.lines == ["args.0: Not a number"]
    assert error.code is ExitCode.REFUSED


def test_answer_that_is_no_problem_document_names_the_address() -> None:
    assert "check --url" in refusal(answer(502, text="<html>")).sentence


def test_refused_token_says_how_to_get_another() -> None:
    error = refusal(answer(401, json={"detail": "The token has expired."}))
    assert error.sentence.startswith("The token has expired: make a new one with `taskctl token")


def test_silent_api_on_this_machine_is_cured_by_starting_it() -> None:
    assert "make up" in unreachable("http://127.0.0.1:1", OSError("refused")).sentence


def test_silent_api_elsewhere_is_cured_by_the_address() -> None:
    assert "--url" in unreachable("http://api.example", OSError("refused")).sentence


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://127.0.0.1.example:8000", False),
        ("http://10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, local: bool) -> None:
    assert is_loopback(url) is local


@pytest.mark.parametrize(
    "error", [ConfigurationError("x"), Invalid("x", errors=[{"loc": ["a"], "msg": "b"}])]
)
def test_errors_made_for_people_become_their_sentence(error: Exception) -> None:
    found = explained(error)
    assert found is not None
    assert found.sentence == "x"


def test_lost_database_names_the_setting() -> None:
    found = explained(OperationalError("SELECT", {}, Exception("connection refused")))
    assert found is not None
    assert "DATABASE_URL" in found.sentence


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT", {}, Exception("no such table: tasks")),
        ProgrammingError("SELECT", {}, Exception('relation "tasks" does not exist')),
    ],
)
def test_missing_table_is_cured_by_migrating(error: Exception) -> None:
    found = explained(error)
    assert found is not None
    assert "taskctl migrate" in found.sentence


def test_a_bug_keeps_its_traceback() -> None:
    assert explained(KeyError("x")) is None


def test_places_without_a_location_are_their_message() -> None:
    assert places([{"msg": "too long"}]) == ["too long"]


def test_further_lines_are_indented_below_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    CliError("No.", lines=["because"]).show()
    assert capsys.readouterr().err == "No.\n  because\n"
