"""`top`: the whole system on one screen, live.

Its modules, in the order in which they are best read:

    questions  what is asked of the API
    picture    what is known of the system
    feed       keeps that up to date: asks, again and again, and listens in between
    keys       bytes that were typed, as names of keys
    view       what is selected and open, and what a key does
    orders     carries out what a key has ordered
    moment     now
    columns    cells side by side
    kinds      what stands in the cells of a queue, a worker, a task
    lists      all of those, one below the other
    reading    a page to read
    layout     picture and view as lines
    screen     the terminal
    session    all of it together
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from app.cli.commands import remote
from app.cli.failures import CliError, ExitCode
from app.cli.output import Output

if TYPE_CHECKING:
    from app.cli.client import Api


def add(app: typer.Typer) -> None:
    """Register the command."""
    remote(app)(top)


def top(api: Api, out: Output) -> None:
    """Show queues, workers, what runs and what failed, live; ? lists the keys.

    With --json one snapshot is printed.
    """
    if out.as_json:
        from app.cli.top.questions import snapshot

        out.json(snapshot(api))
        return
    _require_terminal(out)
    # Asked before the screen is taken, so that a wrong token or address is said in a sentence.
    me = api.get("/users/me")
    from app.cli.top.session import Session

    try:
        code = Session(api, out.console(), me).run()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    raise typer.Exit(code)


def _require_terminal(out: Output) -> None:
    if not (out.is_terminal and sys.stdin.isatty()):
        raise CliError(
            "`taskctl top` needs a terminal; into a pipe or a file, use `taskctl list` or "
            "`taskctl stats`, or `taskctl top --json` for one snapshot",
            code=ExitCode.USAGE,
        )
    if sys.platform == "win32" or out.console().is_dumb_terminal:
        raise CliError(
            "`taskctl top` cannot move the cursor of this terminal (see TERM); use `taskctl list` "
            "or `taskctl stats`",
            code=ExitCode.USAGE,
        )
