"""Files of tasks as they are written."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from app.cli import main
from app.cli.failures import CliError
from app.cli.task_files import read_tasks


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "a"}, {"name": "b"}]',
        '{"tasks": [{"name": "a"}, {"name": "b"}]}',
        '{"name": "a"}\n\n{"name": "b"}\r\n',
        '\ufeff[{"name": "a"}, {"name": "b"}]',
    ],
)
def test_an_array_an_object_or_lines(text: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(text, encoding="utf-8", newline="")
    assert read_tasks(str(file)) == [{"name": "a"}, {"name": "b"}]


def test_one_task_alone_is_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_text('{"name": "a", "tasks": 1}')
    assert read_tasks(str(file)) == [{"name": "a", "tasks": 1}]


def test_a_dash_is_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'[{"name": "a"}]')))
    assert read_tasks("-") == [{"name": "a"}]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "holds no tasks"),
        (b"[]", "holds no tasks"),
        (b"5", "holds no tasks"),
        (b'{"tasks": {}}', "holds no tasks"),
        (b'{"name": "a"}\n{"name": ', "line 2, is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b"[" * 100_000, "line 1, is not JSON"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_bytes(raw)
    with pytest.raises(CliError, match=sentence):
        read_tasks(str(file))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CliError, match=r"/nowhere/x\.json cannot be read: No such file"):
        read_tasks("/nowhere/x.json")


@pytest.mark.parametrize("words", [[], ["a.b", "--from", "x.json"]])
def test_either_a_name_or_a_file(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:9", "--token", "t", "submit", *words]) == 2
    assert "--from FILE" in capsys.readouterr().err
