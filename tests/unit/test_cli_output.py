"""Answers of commands: for a person, or as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.cli.output import Output, to_second

COLUMNS = ("ID", "NAME")
THINGS: list[dict[str, Any]] = [{"id": "1", "name": "one"}, {"id": "2", "name": None}]


def row(thing: dict[str, Any]) -> list[Any]:
    return [thing["id"], thing["name"]]


def test_a_list_is_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).items(THINGS, COLUMNS, row, none="Nothing.")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["ID", "NAME"], ["1", "one"], ["2"]]
    Output(as_json=True).items(THINGS, COLUMNS, row, none="Nothing.")
    assert json.loads(capsys.readouterr().out) == THINGS


@pytest.mark.parametrize(
    ("as_json", "said"), [(False, ("", "Nothing.\n")), (True, ("[]\n", ""))], ids=["text", "json"]
)
def test_an_empty_list_is_said_beside_the_answer(
    as_json: bool, said: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Output(as_json=as_json).items([], COLUMNS, row, none="Nothing.")
    assert tuple(capsys.readouterr()) == said


def test_an_empty_list_without_a_remark_is_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).items([], COLUMNS, row)
    assert capsys.readouterr().out.split() == list(COLUMNS)


def test_one_thing_is_its_fields_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).item(THINGS[0], ["name", "unknown"])
    assert capsys.readouterr().out.split() == ["name", "one"]
    Output(as_json=True).item(THINGS[0], ["name"])
    assert json.loads(capsys.readouterr().out) == THINGS[0]


def test_what_came_of_several_is_a_line_each_or_one_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for as_json in (False, True):
        Output(as_json=as_json).results(THINGS, lambda thing: f"{thing['id']}: done")
        Output(as_json=as_json).result({"done": 2}, "2 are done.")
    assert capsys.readouterr().out == (
        "1: done\n2: done\n2 are done.\n" + json.dumps(THINGS, indent=2) + '\n{\n  "done": 2\n}\n'
    )


def test_a_time_is_shown_to_the_second() -> None:
    assert to_second("2030-01-31T08:00:00.123456Z") == "2030-01-31T08:00:00Z"
    assert to_second(None) is None
