"""`limits list|set|delete`: how many tasks run at once, and how often they start."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.failures import CliError, ExitCode
from app.cli.output import Output
from app.cli.values import only_given, segment

if TYPE_CHECKING:
    from app.cli.client import Api

_COLUMNS = ("KIND", "NAME", "CONCURRENCY", "USED", "RATE", "HANDED OUT", "BY")


class Kind(StrEnum):
    """The kinds, here once more so that reading the command line loads no database code."""

    QUEUE = "queue"
    TASK = "task"
    KEY = "key"


KindOf = Annotated[Kind, typer.Argument(help="What is counted.")]
Name = Annotated[
    str,
    typer.Argument(help="The queue, the function or the key; customer:* is for each such key."),
]


def add(app: typer.Typer) -> None:
    """Register the group."""
    limits = typer.Typer(help="Limits of queues, functions and keys.", no_args_is_help=True)
    remote(limits, "list")(list_limits)
    remote(limits, "set")(set_limit)
    remote(limits)(delete)
    app.add_typer(limits, name="limits")


def list_limits(
    api: Api,
    out: Output,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
) -> None:
    """List limits, and what counts against them now."""
    found = api.get("/limits/", only_given({"kind": kind}))
    out.items(found, _COLUMNS, _row, none="No limits.")


def _row(limit: dict[str, Any]) -> tuple[Any, ...]:
    return (
        limit["kind"], limit["name"], _or_none(limit["concurrency"]), limit["used"],
        _or_none(limit["rate"]), limit["handed_out"], limit["updated_by"] or "the code",
    )  # fmt: skip


def _or_none(value: Any) -> Any:
    return "-" if value is None else value


def set_limit(
    api: Api,
    out: Output,
    kind: KindOf,
    name: Name,
    concurrency: Annotated[
        int | None, typer.Option(min=0, help="So many at a time; 0 lets none start.")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="So many in a time: 10/s, 100/m, 5/h.")] = None,
) -> None:
    """Make a limit, or replace the one that is there."""
    body = only_given({"concurrency": concurrency, "rate": rate})
    if not body:
        raise CliError("Give --concurrency, --rate or both", code=ExitCode.USAGE)
    limit = api.request("PUT", _path(kind, name), body=body, repeat=True).json()
    if out.as_json:
        out.json(limit)
    else:
        out.table(_COLUMNS, [_row(limit)])


def delete(api: Api, out: Output, kind: KindOf, name: Name) -> None:
    """Lift a limit."""
    api.request("DELETE", _path(kind, name))
    out.result({"deleted": True}, f"{kind.value} {name}: no limit.")


def _path(kind: Kind, name: str) -> str:
    return f"/limits/{kind.value}/{segment(name)}"
