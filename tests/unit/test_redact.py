"""Secrets are masked by their name and by their shape."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.core import redact


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("redis://:pw@host:1/0", "redis://:***@host:1/0"),
        ("redis://me:a:b/c@host", "redis://me:***@host"),
        ("postgresql://me:p%40w@db/x?a=b", "postgresql://me:***@db/x?a=b"),
        ("GET /tasks/1?view=abc.def&x=1", "GET /tasks/1?view=***&x=1"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("login password=hunter2, then", "login password=***, then"),
        ('{"api_key": "k-123", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("http://host:80/path", "http://host:80/path"),
        ("a plain line", "a plain line"),
        ("the key of the house", "the key of the house"),
    ],
)
def test_text_loses_its_secrets_and_nothing_else(line: str, expected: str) -> None:
    assert redact.text(line) == expected


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWD", "access_token", "Authorization", "api-key", "apiKey", "clientSecret"],
)
def test_value_under_a_telling_name_is_masked(name: str) -> None:
    assert redact.values({name: "x"}) == {name: "***"}


def test_nested_values_are_masked_and_the_original_is_left_alone() -> None:
    given: dict[str, Any] = {"a": [{"token": "x", "n": 1}], "url": "redis://u:p@h"}
    assert redact.values(given) == {"a": [{"token": "***", "n": 1}], "url": "redis://u:***@h"}
    assert given["a"][0]["token"] == "x"


def test_none_stays_none() -> None:
    assert redact.values({"password": None}) == {"password": None}


def test_a_text_made_to_be_slow_costs_no_more_than_its_length() -> None:
    """A task's message may hold what its submitter likes."""
    for part in ("a://b:", "token ", "tokentoken", "a://b:c", "basic "):
        began = time.monotonic()
        redact.text(part * 100_000)
        assert time.monotonic() - began < 5, part
