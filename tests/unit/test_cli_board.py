"""How watched tasks are shown where there is no terminal, and the exit code of their ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.cli.failures import ExitCode
from app.cli.output import Output
from app.cli.stream import Update
from app.cli.watching import Board


def state(status: str, **more: Any) -> Update:
    task = {"id": "t1", "name": "n", "status": status, "progress": 0.0, "version": 1, **more}
    return Update("t1", task=task)


def shown(*updates: Update, as_json: bool = False) -> Board:
    board = Board(Output(as_json=as_json))
    with board:
        for update in updates:
            board.show(update)
    return board


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (["succeeded"], ExitCode.OK),
        (["succeeded", "failed", "revoked"], ExitCode.FAILED),
        (["succeeded", "revoked"], ExitCode.STOPPED),
    ],
)
def test_exit_code_is_that_of_the_worst_end(ends: list[str], code: ExitCode) -> None:
    assert shown(*(state(end) for end in ends)).exit_code is code


def test_deleted_task_counts_as_stopped() -> None:
    assert shown(Update("t1")).exit_code is ExitCode.STOPPED


def test_lines_only_when_something_changed(capsys: pytest.CaptureFixture[str]) -> None:
    running = state("running", progress=50.0, progress_message="half")
    shown(running, running, state("succeeded", progress=100.0, result={"a": 1}))
    assert capsys.readouterr().out.splitlines() == [
        "t1  running    50 %  half",
        "t1  succeeded 100 %",
        't1  result: {"a": 1}',
    ]


def test_error_of_a_failed_task_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    shown(state("failed", error={"type": "ValueError", "message": "no"}))
    assert capsys.readouterr().err == "t1  ValueError: no\n"


def test_absent_api_is_said_once_and_its_return_too(capsys: pytest.CaptureFixture[str]) -> None:
    away = Update("t1", lost="refused")
    shown(state("running"), away, away, state("succeeded"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "The API does not answer (refused); trying again until it does.",
        "The API answers again.",
    ]


def test_json_is_one_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown(state("running"), state("succeeded"), as_json=True)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document["status"] for document in documents] == ["running", "succeeded"]
