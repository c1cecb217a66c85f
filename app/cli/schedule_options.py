"""Options that say when a schedule fires, and how its tasks are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli.failures import CliError, ExitCode
from app.cli.values import Priority, duration, only_given
from app.domain.schedule import Misfire, Overlap

# By the names of the parameters in which the command gets them.
OPTIONS: dict[str, Any] = {
    "cron": Annotated[str | None, typer.Option(help="Five fields, such as '30 3 * * MON-FRI'.")],
    "timezone": Annotated[str | None, typer.Option(help="Time zone of --cron.")],
    "every": Annotated[str | None, typer.Option(help="An interval, such as 90s, 15m or 2h.")],
    "at": Annotated[str | None, typer.Option(help="Once, at this time (RFC 3339).")],
    "start": Annotated[str | None, typer.Option(help="Not before this time.")],
    "end": Annotated[str | None, typer.Option(help="Not after this time.")],
    "overlap": Annotated[
        Overlap | None, typer.Option(help="skip: no new task while the last one has not finished.")
    ],
    "misfire": Annotated[
        Misfire | None, typer.Option(help="Whether missed slots make one task, or none.")
    ],
    "name": Annotated[str | None, typer.Option(help="A name; by default the function's.")],
    "task_type": Annotated[str | None, typer.Option("--type", help="Kind of its tasks.")],
    "priority": Annotated[Priority | None, typer.Option(help="How urgent its tasks are.")],
    "queue": Annotated[str | None, typer.Option(help="Another queue than the routed one.")],
    "tag": Annotated[list[str] | None, typer.Option(help="A tag. Repeatable.")],
    "max_attempts": Annotated[int | None, typer.Option(min=1, help="How often one is tried.")],
}
# What says when, by the kind that it makes of a schedule.
_KINDS = {"cron": "cron", "interval_seconds": "interval", "at": "once"}


def take(given: dict[str, Any]) -> dict[str, Any]:
    """Take these options out of what a command was given; returns them as the API calls them.

    Raises `CliError` for several that say when, and for a duration that is none.
    """
    options = {name: given.pop(name) for name in OPTIONS}
    overlap, misfire, priority = (options[name] for name in ("overlap", "misfire", "priority"))
    named = {
        **{
            name: options[name] for name in ("cron", "timezone", "at", "name", "task_type", "queue")
        },
        "interval_seconds": _seconds(options["every"]),
        "start_at": options["start"],
        "end_at": options["end"],
        "overlap": overlap and overlap.value,
        "misfire": misfire and misfire.value,
        "priority": priority and priority.level,
        # Typer gives an empty list where none was typed.
        "tags": options["tag"] or None,
        "max_attempts": options["max_attempts"],
    }
    said = only_given(named)
    kinds = [kind for key, kind in _KINDS.items() if key in said]
    if len(kinds) > 1:
        raise CliError("Give one of --cron, --every and --at", code=ExitCode.USAGE)
    return {**said, "kind": kinds[0]} if kinds else said


def _seconds(every: str | None) -> int | None:
    if every is None:
        return None
    span = duration(every)
    if span is None:
        raise CliError("--every needs a duration, such as 15m", code=ExitCode.USAGE)
    return round(span.total_seconds())
