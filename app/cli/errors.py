"""`errors list|show|resolve|reopen|retry`: the same failure, counted once."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.options import AtMost, OnlyFunction
from app.cli.output import Output, to_second
from app.cli.values import only_given, segment

if TYPE_CHECKING:
    from app.cli.client import Api

GroupId = Annotated[str, typer.Argument(metavar="ID", help="Id of the error group.")]
GroupIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of error groups.")]
_COLUMNS = ("ID", "STATE", "FAILURES", "TASKS", "LAST SEEN", "FUNCTION", "ERROR")
_SHOWN = (
    "id", "state", "type", "celery_task_name", "failures", "tasks", "first_seen_at", "last_seen_at",
    "last_task_id", "resolved_at", "resolved_by", "regressed_at", "frames", "message",
)  # fmt: skip
# Of a message in a line of the list.
_WIDTH = 80


class State(StrEnum):
    """The states, here once more so that reading the command line loads no database code."""

    OPEN = "open"
    RESOLVED = "resolved"


def add(app: typer.Typer) -> None:
    """Register the group."""
    errors = typer.Typer(help="Failures, the same ones counted once.", no_args_is_help=True)
    remote(errors, "list")(list_groups)
    for function in (show, resolve, reopen, retry):
        remote(errors)(function)
    app.add_typer(errors, name="errors")


def list_groups(
    api: Api,
    out: Output,
    state: Annotated[State | None, typer.Option(help="Only these.")] = None,
    function: OnlyFunction = None,
    error_type: Annotated[str | None, typer.Option("--type", help="Only this error.")] = None,
    search: Annotated[
        str | None, typer.Option("--search", "-q", help="Part of the error or its message.")
    ] = None,
    limit: AtMost = 20,
) -> None:
    """List error groups, newest seen first."""
    wanted = only_given(
        {"state": state, "celery_task_name": function, "type": error_type, "q": search}
    )
    none = "No error group matches." if wanted else "No errors."
    out.items(api.pages("/error-groups", wanted, limit), _COLUMNS, _row, none=none)


def _row(group: dict[str, Any]) -> tuple[Any, ...]:
    message = f"{group['type']}: {group['message']}".replace("\n", " ")
    return (
        group["id"], _state(group), f"{group['failures']:,}", f"{group['tasks']:,}",
        to_second(group["last_seen_at"]), group["celery_task_name"], message[:_WIDTH],
    )  # fmt: skip


def _state(group: dict[str, Any]) -> str:
    return "came back" if group["regressed"] else str(group["state"])


def show(api: Api, out: Output, group_id: GroupId) -> None:
    """Show everything about an error group, with the traceback of the latest failure."""
    group = api.get(f"/error-groups/{segment(group_id)}")
    out.item(group, _SHOWN)
    if group["traceback"] and not out.as_json:
        out.line(group["traceback"].rstrip())


def resolve(api: Api, out: Output, group_ids: GroupIds) -> None:
    """Say that failures are dealt with; one that comes back is open again."""
    _change(api, out, group_ids, "resolve")


def reopen(api: Api, out: Output, group_ids: GroupIds) -> None:
    """Say that failures are not dealt with after all."""
    _change(api, out, group_ids, "reopen")


def _change(api: Api, out: Output, group_ids: list[str], verb: str) -> None:
    groups = [api.post(f"/error-groups/{segment(each)}/{verb}").json() for each in group_ids]
    out.results(groups, lambda group: f"{group['id']}: {group['state']}")


def retry(api: Api, out: Output, group_id: GroupId) -> None:
    """Run the tasks of an error group again that are still failed, at most 1,000 at once."""
    done = api.post(f"/error-groups/{segment(group_id)}/retry").json()
    if not out.as_json:
        for refused in done["refused"]:
            out.note(f"{refused['task_id']}: {refused['detail']}")
    out.result(done, f"{len(done['ids'])} tasks run again; {done['left']} are left.")
