"""`dead list|clear`: messages that no worker could use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer

from app.cli.commands import local
from app.cli.failures import CliError
from app.cli.output import Output

_SHOWN = 120
Answer = TypeVar("Answer")


def add(app: typer.Typer) -> None:
    """Register the group."""
    dead = typer.Typer(
        help="Messages that no worker could use; workers keep the latest 1,000 aside.",
        no_args_is_help=True,
    )
    local(dead, "list")(list_dead)
    local(dead, "clear")(clear)
    app.add_typer(dead, name="dead")


def list_dead(
    out: Output,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """Show them, newest first: why each was refused, where it lay, and how it begins.

    No task is lost with them: a task is a row and goes out again under a new message.
    """
    from app.services import dead

    entries, count = _asked(lambda: (dead.newest(limit), dead.count()))
    if out.as_json:
        shown = [asdict(entry) for entry in entries]
        out.json([{**e, "at": e["at"].isoformat() if e["at"] else None} for e in shown])
        return
    rows = [
        (f"{e.at:%Y-%m-%d %H:%M:%S}" if e.at else "", e.queue, e.reason, e.size, e.raw[:_SHOWN])
        for e in entries
    ]
    out.table(("AT (UTC)", "QUEUE", "REASON", "BYTES", "BEGINS WITH"), rows)
    out.line(f"{len(entries)} of {count} shown.")


def clear(out: Output) -> None:
    """Forget them, once you know who sends them."""
    from app.services import dead

    gone = _asked(dead.clear)
    out.result({"cleared": gone}, f"{gone} forgotten.")


def _asked(question: Callable[[], Answer]) -> Answer:
    from app.core.broker import BrokerError
    from app.core.config import get_settings, masked_url

    try:
        return question()
    except BrokerError as error:
        where = masked_url(get_settings().celery_broker_url)
        raise CliError(
            f"The broker {where} does not answer ({error}); start it or correct CELERY_BROKER_URL"
        ) from None
