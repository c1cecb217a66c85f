"""`audit`: who did what, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.options import AtMost
from app.cli.output import Output, to_second
from app.cli.values import Via, moment, only_given

if TYPE_CHECKING:
    from app.cli.client import Api

_COLUMNS = ("AT", "WHO", "VIA", "ACTION", "TARGET", "STATUS", "FROM", "DETAIL")


def add(app: typer.Typer) -> None:
    """Register the command."""
    remote(app)(audit)


def audit(
    api: Api,
    out: Output,
    user: Annotated[str | None, typer.Option("--user", help="Only theirs: id or email.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as cancelTask.")] = None,
    via: Annotated[Via | None, typer.Option(help="Only of those who came so.")] = None,
    status: Annotated[
        str | None, typer.Option(help="failed (400 and above), open (no end known), or a status.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Only about this id or name.")] = None,
    after: Annotated[str | None, typer.Option(help="From this time on (RFC 3339).")] = None,
    before: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    newer: Annotated[str | None, typer.Option(help="In the last 24h, 7d, 2w.")] = None,
    limit: AtMost = 50,
) -> None:
    """Show who did what, when, from where, and how it ended, newest first (for admins)."""
    wanted = only_given(
        {
            "user": user,
            "action": action,
            "via": via,
            "status": status,
            "target": target,
            "from": moment("after", after, "newer", newer),
            "to": before,
        }
    )
    none = "No entry matches." if wanted else "No entries."
    out.items(api.pages("/audit", wanted, limit), _COLUMNS, _row, none=none)


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    detail = dict(entry["detail"])
    who = entry["email"] or detail.pop("os_user", None)
    return (
        to_second(entry["at"]), who, entry["via"], entry["action"], _words(entry["target"]),
        _ending(entry), entry["address"], _words(detail),
    )  # fmt: skip


def _ending(entry: dict[str, Any]) -> str:
    if entry["status"] is None:
        return "open"
    return f"{entry['status']} {entry['code'] or ''}".rstrip()


def _words(facts: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.items())
