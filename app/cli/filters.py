"""Options that say which tasks: the filters of the list, for every command that takes them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli.options import OnlyFunction, OnlyQueue, OnlyType
from app.cli.values import Priority, moment, only_given

# By the names of the parameters in which the command gets them.
OPTIONS: dict[str, Any] = {
    "status": Annotated[list[str] | None, typer.Option(help="Only this status. Repeatable.")],
    "task_type": OnlyType,
    "function": OnlyFunction,
    "queue": OnlyQueue,
    "priority": Annotated[Priority | None, typer.Option(help="Only this priority.")],
    "tag": Annotated[str | None, typer.Option(help="Only with this tag.")],
    "parent": Annotated[str | None, typer.Option(help="Only subtasks of this task.")],
    "owner_ref": Annotated[str | None, typer.Option(help="Only with this owner_ref.")],
    "search": Annotated[str | None, typer.Option("--search", "-q", help="Part of the name.")],
    "after": Annotated[str | None, typer.Option(help="Created after this time (RFC 3339).")],
    "before": Annotated[str | None, typer.Option(help="Created before this time.")],
    "newer": Annotated[str | None, typer.Option(help="Created in the last 24h, 7d, 2w.")],
    "older": Annotated[str | None, typer.Option(help="Created longer ago than 24h, 7d, 2w.")],
}


def take(given: dict[str, Any]) -> dict[str, Any]:
    """Take these options out of what a command was given; returns them as the API calls them.

    Raises `CliError` for a time that is none, or given twice.
    """
    options = {name: given.pop(name) for name in OPTIONS}
    priority: Priority | None = options["priority"]
    return only_given(
        {
            # Typer gives an empty list where none was typed.
            "status": options["status"] or None,
            "task_type": options["task_type"],
            "celery_task_name": options["function"],
            "queue": options["queue"],
            "priority": None if priority is None else priority.level,
            "tag": options["tag"],
            "parent_id": options["parent"],
            "owner_ref": options["owner_ref"],
            "q": options["search"],
            "created_after": moment("after", options["after"], "newer", options["newer"]),
            "created_before": moment("before", options["before"], "older", options["older"]),
        }
    )
