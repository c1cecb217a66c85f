"""`watch`: tasks on the screen until they end."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import typer

from app.cli.commands import remote
from app.cli.failures import ExitCode
from app.cli.output import Output, clean
from app.cli.tasks import TaskIds, segment

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from app.cli.client import Api
    from app.cli.stream import Update


def add(app: typer.Typer) -> None:
    """Register the command."""
    remote(app)(watch)


def watch(api: Api, out: Output, task_ids: TaskIds) -> None:
    """Follow tasks to their end; the exit code says how they ended."""
    follow(api, out, task_ids)


def follow(api: Api, out: Output, task_ids: list[str]) -> None:
    """Show the tasks until all have ended, then exit by the worst outcome."""
    import asyncio

    from app.cli.stream import follow_all

    # Asked here once, so that a wrong id, token or address is refused before anything is drawn.
    ids = list(dict.fromkeys(api.get(f"/tasks/{segment(item)}")["id"] for item in task_ids))
    board = Board(out)
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

    def __init__(self, out: Output) -> None:
        self._out = out
        self._stack = ExitStack()
        self._bars: Bars | None = None
        self._shown: dict[str, str] = {}
        self._away = False
        self._ends: list[str] = []

    def __enter__(self) -> Board:
        if self._out.is_terminal:
            self._bars = Bars(self._out)
            self._stack.enter_context(self._bars.progress)
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
        if error := state.get("error"):
            self._out.note(f"{state['id']}  {error.get('type')}: {error.get('message')}")
        elif (result := state.get("result")) is not None:
            import json

            self._out.line(f"{state['id']}  result: {json.dumps(result, ensure_ascii=False)}")


class Bars:
    """One live bar a task."""

    def __init__(self, out: Output) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self.progress: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}", markup=False),
            console=out.console(),
        )
        self._rows: dict[str, TaskID] = {}

    def show(self, state: dict[str, Any]) -> None:
        """Move the bar of this task, making it at first sight."""
        task_id = state["id"]
        if task_id not in self._rows:
            name = clean(state.get("name") or task_id)
            self._rows[task_id] = self.progress.add_task(name, total=100, status="", message="")
        self.progress.update(
            self._rows[task_id],
            completed=state.get("progress") or 0,
            status=state["status"],
            message=clean(state.get("progress_message") or ""),
        )
        if state["status"] not in ("pending", "running"):
            self.progress.stop_task(self._rows[task_id])
