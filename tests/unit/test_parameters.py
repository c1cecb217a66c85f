"""Arguments against a function's signature and annotations."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest

from app.services.parameters import Parameters

HIDDEN = frozenset({"task_id"})


def plain(a: int, b: str = "x", *, c: list[int] | None = None, task_id: str | None = None) -> None:
    """Ordinary."""


def free(*args: int, **kwargs: str) -> None:
    """Any number of them."""


def only(a: int, /, b: int) -> None:
    """A positional-only one."""


def rich(when: date, mode: Literal["fast", "slow"] = "fast", unknown: Any = None) -> None:
    """Types that JSON writes as text."""


def check(function: Any, *args: Any, **kwargs: Any) -> list[list[Any]]:
    """The places where these arguments do not fit."""
    errors = Parameters.of(function, HIDDEN).check(list(args), kwargs)
    return [error["loc"] for error in errors]


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (plain, (1,), {}),
        (plain, (1, "y"), {"c": [1]}),
        (plain, (), {"a": 1, "c": None}),
        (free, (1, 2, 3), {"k": "v"}),
        (only, (1, 2), {}),
        (only, (1,), {"b": 2}),
        (rich, ("2026-01-02",), {"mode": "slow", "unknown": {"a": 1}}),
    ],
)
def test_what_fits_is_accepted(function: Any, args: Any, kwargs: Any) -> None:
    assert check(function, *args, **kwargs) == []


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "loc"),
    [
        (plain, (), {}, ["body", "args"]),
        (plain, ("1",), {}, ["body", "args", 0]),
        (plain, (True,), {}, ["body", "args", 0]),
        (plain, (1.0,), {}, ["body", "args", 0]),
        (plain, (1,), {"b": 2}, ["body", "kwargs", "b"]),
        (plain, (1,), {"c": [1, "2"]}, ["body", "kwargs", "c", 1]),
        (plain, (1,), {"d": 1}, ["body", "kwargs"]),
        (plain, (1,), {"task_id": "x"}, ["body", "kwargs", "task_id"]),
        (plain, (1,), {"self": "x"}, ["body", "kwargs", "self"]),
        (free, (1, "2"), {}, ["body", "args", 1]),
        (free, (), {"k": 1}, ["body", "kwargs", "k"]),
        (only, (), {"a": 1, "b": 2}, ["body", "kwargs"]),
        (rich, ("tomorrow",), {}, ["body", "args", 0]),
        (rich, ("2026-01-02", "medium"), {}, ["body", "args", 1]),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(
    function: Any, args: Any, kwargs: Any, loc: list[Any]
) -> None:
    assert loc in check(function, *args, **kwargs)


def test_the_schema_shows_what_a_caller_may_give() -> None:
    schema = Parameters.of(plain, HIDDEN).schema
    assert set(schema["properties"]) == {"a", "b", "c"}
    assert schema["required"] == ["a"]
    assert schema["properties"]["b"] == {"type": "string", "default": "x"}
    assert schema["x-positional"] == ["a", "b"]
    assert "x-positional-only" not in schema
    assert Parameters.of(only, HIDDEN).schema["x-positional-only"] == ["a"]
    assert schema["additionalProperties"] is False
    assert Parameters.of(free, HIDDEN).schema["additionalProperties"] is True


def test_an_annotation_without_a_json_form_is_not_checked() -> None:
    class Own:
        """No JSON form."""

    def takes(value: Own) -> None:
        """A foreign type."""

    takes.__annotations__["value"] = Own
    assert check(takes, 3) == []
