"""Bodies that nobody would write: what the parser takes is what JSON within the limits is, no more, no less."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import strategies as st

from app.api import json_body
from app.core.errors import Invalid
from tests.support.exploring import bodies, damaged, explore

CODES = {"bad_utf8", "bad_json", "bad_number", "bad_depth", "bad_text", "bad_duplicate_key"}


class Unsound(Exception):
    """What the API must not take, said in another way than there."""


def plain(raw: bytes, depth: int) -> Any:
    """The value, by the standard library and one walk through it. Raises `Unsound`."""
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_pairs
        )
    except (ValueError, RecursionError) as exc:
        raise Unsound(str(exc)) from None
    return _sound(value, depth)


def _no_constant(name: str) -> None:
    raise Unsound(name)


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, keys that are there twice included."""


def _pairs(pairs: list[tuple[str, Any]]) -> _Pairs:
    return _Pairs(pairs)


def _sound(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
            raise Unsound("text")
    elif isinstance(value, float) and not math.isfinite(value):
        raise Unsound("number")
    elif isinstance(value, list):
        if depth == 0:
            raise Unsound("depth")
        if isinstance(value, _Pairs):
            names = [_sound(name, depth) for name, _ in value]
            if len(set(names)) < len(names):
                raise Unsound("keys")
            return {name: _sound(item, depth - 1) for name, item in value}
        return [_sound(item, depth - 1) for item in value]
    return value


def agrees(raw: bytes, depth: int = json_body.MAX_DEPTH) -> None:
    """The parser and the plain way come to the same."""
    try:
        expected = plain(raw, depth)
    except Unsound:
        with pytest.raises(Invalid) as refusal:
            json_body.loads(raw, depth)
        problem = refusal.value
        assert problem.code in CODES
        assert problem.errors is not None
        assert [set(error) for error in problem.errors] == [{"loc", "msg", "type"}]
        assert problem.detail.isprintable()
        return
    # By its text: true is not 1, and 1 is not 1.0.
    assert json.dumps(json_body.loads(raw, depth)) == json.dumps(expected)


def test_what_is_taken_is_json_within_the_limits(pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.option.chaos_seed
    explore(agrees, bodies, seed=seed, number=600)


def test_damage_to_a_sound_body_is_noticed_or_harmless(pytestconfig: pytest.Config) -> None:
    sound = {
        "name": "Zahlen für Ελλάδα 数据",
        "args": [1, 2.5, None, True, "x" * 40],
        "kwargs": {"a": {}},
    }
    whole = st.sampled_from(
        [json.dumps(sound).encode(), json.dumps(sound, ensure_ascii=False).encode()]
    )
    twice = whole.flatmap(damaged).flatmap(damaged)
    explore(agrees, whole.flatmap(damaged) | twice, seed=pytestconfig.option.chaos_seed, number=400)


@pytest.mark.parametrize("depth", [1, 2, 34])
def test_the_depth_is_the_one_that_is_asked_for(depth: int, pytestconfig: pytest.Config) -> None:
    explore(lambda raw: agrees(raw, depth), bodies, seed=pytestconfig.option.chaos_seed, number=100)
