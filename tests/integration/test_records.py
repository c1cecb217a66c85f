"""Rows in one parameter arrive as they were, on both databases."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Boolean, Float, Integer, SmallInteger, Text, Uuid, select
from sqlalchemy.exc import StatementError

from app.db.base import JsonText, Timestamp
from app.db.records import Records
from tests.support.world import World

TYPES = {
    "id": Uuid(),
    "at": Timestamp(),
    "text": Text(),
    "flag": Boolean(),
    "small": SmallInteger(),
    "number": Integer(),
    "real": Float(),
    "json": JsonText(),
}
RECORDS: list[dict[str, Any]] = [
    {
        "id": uuid.UUID(int=2**127 + 1),
        "at": datetime(2030, 1, 31, 8, 0, 0, 123456, UTC),
        "text": '数据 "quoted" \\ \u2028 😀 ${x} %s \' --',
        "flag": True,
        "small": -3,
        "number": 2**31 - 1,
        "real": 0.1 + 0.2,
        "json": [10**40, {"k": "v\n", "empty": ""}, None, 1.5, False],
    },
    {**dict.fromkeys(TYPES), "text": "", "flag": False, "number": 0, "json": {}},
    dict.fromkeys(TYPES),
]


def given(types: Any = TYPES) -> Records:
    return Records("rows", types)


def read(world: World, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records = given()
    statement = select(*(records[key].label(key) for key in TYPES)).select_from(records.table)
    return [dict(row._mapping) for row in world.database.execute(statement, {"rows": rows}).all()]


def test_every_type_comes_back_as_it_was(world: World) -> None:
    assert read(world, RECORDS) == RECORDS


def test_any_number_of_them_is_one_statement(world: World) -> None:
    assert read(world, []) == []
    many = [{**dict.fromkeys(TYPES), "number": n} for n in range(10_000)]
    assert [row["number"] for row in read(world, many)] == list(range(10_000))


def test_a_record_that_lacks_a_field_is_a_mistake(world: World) -> None:
    with pytest.raises((KeyError, StatementError), match="number"):
        read(world, [{key: None for key in TYPES if key != "number"}])
