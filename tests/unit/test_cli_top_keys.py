"""What a terminal sends, as names of keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.top.keys import Keys


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"jk?", ["j", "k", "?"]),
        (b"\x1b[A\x1bOB", ["up", "down"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1bOF", ["pageup", "pagedown", "home", "end"]),
        (b"\r\n\t\x7f\x08", ["enter", "enter", "tab", "backspace", "backspace"]),
        ("数é".encode(), ["数", "é"]),
        (b"\x1bq", ["escape", "q"]),
        (b"\x1b\x1b[A", ["escape", "up"]),
    ],
)
def test_keys_have_names(data: bytes, names: list[str]) -> None:
    assert Keys().feed(data) == names


@pytest.mark.parametrize("data", [b"\x1b[1;5A", b"\x1b[200~", b"\x1bOR", b"\x01", b"\xff"])
def test_unknown_keys_are_nothing(data: bytes) -> None:
    keys = Keys()
    assert keys.feed(data) + keys.feed(b"x") == ["x"]


def test_a_sequence_may_come_in_pieces() -> None:
    keys = Keys()
    assert keys.feed(b"a\x1b") == ["a"]
    assert keys.waits
    assert keys.feed(b"[") == []
    assert keys.feed(b"A") == ["up"]
    assert not keys.waits


def test_a_character_may_come_in_pieces() -> None:
    keys = Keys()
    first, second = "数".encode()[:1], "数".encode()[1:]
    assert keys.feed(first) + keys.feed(second) == ["数"]


def test_an_escape_that_nothing_follows_is_the_key() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.give_up() == ["escape"]
    keys.feed(b"\x1b[")
    assert keys.give_up() == []
    assert not keys.waits


@given(st.binary(max_size=40), st.integers(0, 40))
def test_it_does_not_matter_how_bytes_are_cut(data: bytes, place: int) -> None:
    whole, parts = Keys(), Keys()
    assert whole.feed(data) == parts.feed(data[:place]) + parts.feed(data[place:])
    assert whole.waits == parts.waits
