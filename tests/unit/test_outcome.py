"""What an attempt leaves behind is JSON, bounded, and storable in either database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.text import clean
from app.domain.lifecycle import Reason, TaskStatus
from app.worker import outcome as outcomes


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        ({"中": [1, 2.5, None]}, {"中": [1, 2.5, None]}),
        (2**80, 2**80),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("a\x00b", "a\x00b"),
        ((1, 2), [1, 2]),
    ],
)
def test_a_result_is_kept_as_json(value: Any, kept: Any) -> None:
    outcome = outcomes.succeeded(value, 1)
    assert outcome.status is TaskStatus.SUCCEEDED
    assert outcome.result is not None
    assert "\x00" not in outcome.result
    assert json.loads(outcome.result) == kept


@pytest.mark.parametrize("value", [object(), lambda: None, "\ud800"])
def test_a_result_that_is_not_json_fails_the_attempt(value: Any) -> None:
    outcome = outcomes.succeeded(value, 2)
    assert (outcome.status, outcome.reason) == (TaskStatus.FAILED, Reason.RESULT_NOT_JSON)
    assert outcome.error is not None
    assert json.loads(outcome.error)["attempt"] == 2


def test_a_result_within_itself_fails_the_attempt() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert outcomes.succeeded(loop, 1).reason == Reason.RESULT_NOT_JSON


def test_a_result_over_a_mebibyte_fails_and_names_the_cure() -> None:
    outcome = outcomes.succeeded("x" * outcomes.MAX_RESULT_BYTES, 1)
    assert outcome.reason == Reason.RESULT_TOO_LARGE
    assert outcome.error is not None
    assert "store it outside" in json.loads(outcome.error)["message"]


def caught(error: BaseException) -> dict[str, Any]:
    try:
        raise error
    except BaseException as exc:  # noqa: BLE001 - the point of the test
        return outcomes.describe(exc, 3)


def test_an_exception_is_described_by_type_message_and_traceback() -> None:
    found = caught(ValueError("no such file"))
    assert (found["type"], found["message"], found["attempt"]) == ("ValueError", "no such file", 3)
    assert "raise error" in found["traceback"]
    assert caught(json.JSONDecodeError("m", "d", 0))["type"] == "json.decoder.JSONDecodeError"


def test_a_huge_exception_is_cut_in_the_middle() -> None:
    found = caught(ValueError("a" * 1_000_000 + "the end"))
    assert len(json.dumps(found)) < 32 * 1024
    assert found["message"].endswith("the end")
    assert "characters cut" in found["message"]


@given(st.text(st.characters(), max_size=300), st.integers(64, 200))
def test_cleaned_text_fits_and_can_be_stored(text: str, longest: int) -> None:
    cleaned = clean(text + "\x00\ud800", longest)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert len(cleaned) <= longest + 16


def test_a_time_limit_is_told_in_celerys_words() -> None:
    error = outcomes.timed_out("pkg.f", 300, 1)
    assert error["message"] == "Task pkg.f timed out after 300.0s"
    assert error["type"] == "timeout"


def test_an_ordinary_exception_is_shown_as_it_is() -> None:
    error = ValueError("short")
    assert outcomes.fit_to_show(error) is error


def test_an_endless_message_does_not_reach_logs_and_monitors() -> None:
    shown = outcomes.fit_to_show(ValueError("y" * 5_000_000))
    assert str(shown).startswith("ValueError: yyy")
    assert len(str(shown)) < 2000
