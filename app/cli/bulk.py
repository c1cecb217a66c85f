"""`bulk list|show|items|abort`: orders about many tasks, and following one to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.failures import ExitCode
from app.cli.options import AtMost
from app.cli.output import Output, to_second
from app.cli.values import only_given, segment

if TYPE_CHECKING:
    from app.cli.client import Api

LOOK_SECONDS = 0.5
_PATH = "/bulk-operations"
_COLUMNS = ("ID", "ACTION", "STATUS", "DONE", "TOTAL", "CREATED", "OUTCOMES")
_ITEM_COLUMNS = ("TASK", "OUTCOME", "NEW TASK", "REASON")
_SHOWN = (
    "id", "action", "status", "done", "total", "outcomes", "filter", "user_id", "created_at",
    "updated_at", "ended_at",
)  # fmt: skip

OperationId = Annotated[str, typer.Argument(metavar="ID", help="Id of the bulk operation.")]


def add(app: typer.Typer) -> None:
    """Register the group."""
    bulk = typer.Typer(
        help="Bulk operations: `cancel`, `retry` and `delete` of many tasks.",
        no_args_is_help=True,
    )
    remote(bulk, "list")(list_operations)
    for function in (show, items, abort):
        remote(bulk)(function)
    app.add_typer(bulk, name="bulk")


def list_operations(api: Api, out: Output, limit: AtMost = 20) -> None:
    """List bulk operations, newest first."""
    out.items(api.pages(_PATH, {}, limit), _COLUMNS, _row)


def _row(operation: dict[str, Any]) -> tuple[Any, ...]:
    named = [operation[name] for name in ("id", "action", "status", "done", "total")]
    return (*named, to_second(operation["created_at"]), _counts(operation))


def show(api: Api, out: Output, operation_id: OperationId) -> None:
    """Show a bulk operation and how far it has come."""
    out.item(api.get(f"{_PATH}/{segment(operation_id)}"), _SHOWN)


def items(
    api: Api,
    out: Output,
    operation_id: OperationId,
    outcome: Annotated[str | None, typer.Option(help="Only with this outcome.")] = None,
    limit: AtMost = 100,
) -> None:
    """Show what came of each task."""
    wanted = only_given({"outcome": outcome})
    found = api.pages(f"{_PATH}/{segment(operation_id)}/items", wanted, limit)
    out.items(found, _ITEM_COLUMNS, itemgetter("task_id", "outcome", "new_task_id", "reason"))


def abort(api: Api, out: Output, operation_id: OperationId) -> None:
    """Stop a bulk operation; what it has done stays done."""
    out.item(api.post(f"{_PATH}/{segment(operation_id)}/abort").json(), _SHOWN)


def finish(api: Api, out: Output, operation: dict[str, Any]) -> None:
    """Follow an operation to its end and say what came of it."""
    if operation["status"] == "running":
        operation = _follow(api, out, operation)
    if out.as_json:
        out.json(operation)
    else:
        of = f"{operation['done']} of {operation['total']} tasks"
        out.line(f"{of}: {_counts(operation) or 'nothing to do'}")
        out.note(f"`taskctl bulk items {operation['id']}` shows what came of each.")
    if operation["status"] == "aborted":
        raise typer.Exit(ExitCode.STOPPED)


def _counts(operation: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(operation["outcomes"].items()))


def _follow(api: Api, out: Output, operation: dict[str, Any]) -> dict[str, Any]:
    path = f"{_PATH}/{operation['id']}"
    try:
        with _progress(out, operation) as tell:
            while operation["status"] == "running":
                time.sleep(LOOK_SECONDS)
                operation = api.get(path)
                tell(operation["done"])
    except KeyboardInterrupt:
        named = operation["id"]
        out.note(
            f"Stopped following. The operation goes on: `taskctl bulk show {named}` shows how far, "
            f"`taskctl bulk abort {named}` stops it."
        )
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    return operation


@contextmanager
def _progress(out: Output, operation: dict[str, Any]) -> Iterator[Callable[[int], None]]:
    """Where to tell how many are done: a bar on a terminal, else remarks."""
    total = operation["total"]
    if not out.is_terminal:
        out.note(f"{total} tasks, as bulk operation {operation['id']}")
        yield lambda done: out.note(f"{done} of {total}")
        return
    from rich.progress import Progress

    with Progress(console=out.console()) as bars:
        bar = bars.add_task(operation["action"], total=total)
        yield lambda done: bars.update(bar, completed=done)
