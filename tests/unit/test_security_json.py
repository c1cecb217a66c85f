"""The JSON that the API accepts."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api import json_body
from app.core.errors import Invalid

_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES, st.booleans())
def test_sound_json_is_read_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert json_body.loads(text.encode()) == json.loads(text)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    with contextlib.suppress(Invalid):
        json_body.loads(raw)


@pytest.mark.parametrize("depth", [1, 31, 32])
def test_thirty_two_levels_are_accepted(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert json_body.loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ["[" * 33 + "]" * 33, '{"a":' * 33 + "1" + "}" * 33])
def test_thirty_three_levels_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        json_body.loads(text.encode())
    assert refusal.value.code == "bad_depth"


def test_many_brackets_on_few_levels_are_accepted() -> None:
    assert json_body.loads(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001


@pytest.mark.parametrize(
    "text", [r'"\u0000"', r'{"\u0000": 1}', r'["\udfff"]', r'{"a": "\ud800x"}']
)
def test_text_that_nothing_can_carry_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        json_body.loads(text.encode())
    assert refusal.value.code == "bad_text"
