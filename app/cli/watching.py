"""`watch`: tasks on the screen until they end."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import typer

from app.cli.commands import remote
from app.cli.drawing import flat
from app.cli.failures import ExitCode
from app.cli.output import Output
from app.cli.tasks import TaskIds
from app.cli.values import segment

if TYPE_CHECKING:
    from app.cli.bars import Bars
    from app.cli.client import Api
    from app.cli.stream import Update


def add(app: typer.Typer) -> None:
    """Register the command."""
    remote(app)(watch)


def watch(api: Api, out: Output, task_ids: TaskIds) -> None:
    """Follow tasks to their end; the exit code says how they ended."""
    # Asked here once, so that a wrong id, token or address is refused before anything is drawn.
    follow(api, out, [api.get(f"/tasks/{segment(item)}")["id"] for item in task_ids])


def follow(api: Api, out: Output, task_ids: list[str]) -> None:
    """Show the tasks, whose ids the API gave, until all have ended; exit by the worst outcome."""
    import asyncio

    from app.cli.stream import follow_all

    ids = list(dict.fromkeys(task_ids))
    board = Board(out, ids)
    try:
        with board:
            asyncio.run(follow_all(api, ids, board.show))
    except KeyboardInterrupt:
        them, verb = ("The task", "goes") if len(ids) == 1 else ("The tasks", "go")
        named = " ".join(ids)
        out.note(
            f"Stopped watching. {them} {verb} on: `taskctl watch {named}` follows again, "
            f"`taskctl cancel {named}` cancels."
        )
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    raise typer.Exit(board.exit_code)


class Board(AbstractContextManager["Board"]):
    """Shows updates in the way that fits: bars on a terminal, else lines, or JSON lines."""

    def __init__(self, out: Output, task_ids: Iterable[str] = ()) -> None:
        self._out = out
        self._ids = task_ids
        self._stack = ExitStack()
        self._bars: Bars | None = None
        self._shown: dict[str, str] = {}
        self._away = False
        self._ends: list[str] = []

    def __enter__(self) -> Board:
        if self._out.is_terminal:
            from app.cli.bars import Bars

            self._bars = self._stack.enter_context(Bars(self._out, self._ids))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def exit_code(self) -> ExitCode:
        """By the worst end of all the tasks."""
        if "failed" in self._ends:
            return ExitCode.FAILED
        if {"revoked", "deleted"} & set(self._ends):
            return ExitCode.STOPPED
        return ExitCode.OK

    def show(self, update: Update) -> None:
        """Take in one update."""
        if update.lost is not None:
            self._say_away(update.lost)
            return
        if self._away:
            self._away = False
            self._out.note("The API answers again.")
        state = update.task or {"id": update.task_id, "status": "deleted"}
        if update.is_last:
            self._ends.append(state["status"])
        if self._out.as_json:
            self._out.json_line(state)
        elif self._bars is not None:
            self._bars.show(state)
        else:
            self._line(state)
        if update.is_last and not self._out.as_json:
            self._end(state)

    def _say_away(self, reason: str) -> None:
        # Said once, not at every attempt of every task.
        if not self._away:
            self._away = True
            self._out.note(f"The API does not answer ({reason}); trying again until it does.")

    def _line(self, state: dict[str, Any]) -> None:
        text = f"{state['status']:<9} {state.get('progress') or 0:3.0f} %"
        if message := state.get("progress_message"):
            text += f"  {message}"
        if self._shown.get(state["id"]) != text:
            self._shown[state["id"]] = text
            self._out.line(f"{state['id']}  {text}")

    def _end(self, state: dict[str, Any]) -> None:
        # A person knows a task by its name, a script by its id.
        who = state["id"]
        if self._bars is not None and (name := state.get("name")):
            who = f"{who}  {flat(name)}"
        if error := state.get("error"):
            self._out.note(f"{who}  {error.get('type')}: {error.get('message')}")
        elif (result := state.get("result")) is not None:
            import json

            self._out.line(f"{who}  result: {json.dumps(result, ensure_ascii=False)}")
