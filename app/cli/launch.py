"""`taskctl up`."""

from __future__ import annotations

import typer


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(up)


def up() -> None:
    """Run everything on this machine: API, worker, beat, Flower and, if needed, a broker."""
    from app.up import run

    raise typer.Exit(run())
