"""The hint's format, both ways."""

from __future__ import annotations

import base64
import json
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.rank import Priority
from app.hints import HEADER, Hint, HintRow, celery_ids_in, encode, list_key, rows_of


def hint(count: int = 1, level: int = Priority.NORMAL) -> Hint:
    rows = [HintRow(uuid.uuid4(), uuid.uuid4(), 60.0, None) for _ in range(count)]
    return Hint("pkg.f", "default", level, rows, 60.0 * count, "(1,)", "{}")


def test_what_was_encoded_is_read_again() -> None:
    made = hint(3)
    message = json.loads(encode(made))
    assert rows_of(message["headers"]) == made.rows


def test_a_request_made_from_the_message_is_read_alike() -> None:
    made = hint(2)
    headers = json.loads(encode(made))["headers"]
    assert rows_of(SimpleNamespace(**headers)) == made.rows


def test_one_row_travels_under_its_own_id_and_a_slice_under_another() -> None:
    one, several = hint(1), hint(3)
    assert one.message_id == str(one.rows[0].celery_id)
    assert uuid.UUID(several.message_id) not in {row.celery_id for row in several.rows}


def test_the_body_has_no_arguments() -> None:
    message = json.loads(encode(hint()))
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([], {})


def test_message_and_headers_agree_on_the_id() -> None:
    message = json.loads(encode(hint(3)))
    ids = {message["headers"]["id"], message["headers"]["root_id"]}
    assert ids == {message["properties"]["correlation_id"]}


@pytest.mark.parametrize(
    ("level", "key"),
    [
        (4, "p:default"),
        (3, "p:default\x06\x163"),
        (2, "p:default\x06\x166"),
        (1, "p:default\x06\x169"),
    ],
)
def test_the_list_is_named_as_kombu_names_it(level: int, key: str) -> None:
    assert list_key("p:", "default", level) == key


def test_another_message_is_no_hint() -> None:
    assert rows_of({"task": "pkg.f"}) is None
    assert rows_of(SimpleNamespace(task="pkg.f")) is None


@pytest.mark.parametrize("rows", [3, "x", [1], [["a", "b", None, None]], [[None] * 4], [[]]])
def test_a_malformed_hint_is_a_value_error(rows: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        rows_of({HEADER: rows})


def test_the_ids_in_a_list_skip_what_is_no_hint() -> None:
    made = hint(2)
    entries = [encode(made).encode(), b"\xff", b"{}", b"[]", b'{"headers": {}}', b'{"headers": 3}']
    assert celery_ids_in(entries) == {row.celery_id for row in made.rows}
