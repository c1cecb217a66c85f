"""`audit`: who did what, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.commands import remote
from app.cli.failures import CliError, ExitCode
from app.cli.output import Output
from app.cli.values import Via, duration

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
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
) -> None:
    """Show who did what, when, from where, and how it ended, newest first (for admins)."""
    wanted = {
        "user": user,
        "action": action,
        "via": via and via.value,
        "status": status,
        "target": target,
        "from": _since(after, newer),
        "to": before,
    }
    params = {name: value for name, value in wanted.items() if value is not None}
    entries = list(api.pages("/audit", params, limit))
    if out.as_json:
        out.json(entries)
    elif entries:
        out.table(_COLUMNS, map(_row, entries))
    else:
        out.note("No entries." if not params else "No entry matches.")


def _since(after: str | None, newer: str | None) -> str | None:
    if newer is None:
        return after
    if after is not None:
        raise CliError("Give --after or --newer, not both", code=ExitCode.USAGE)
    span = duration(newer)
    if span is None:
        raise CliError("--newer needs a duration, such as 24h", code=ExitCode.USAGE)
    return (datetime.now(UTC) - span).isoformat()


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    detail = dict(entry["detail"])
    who = entry["email"] or detail.pop("os_user", None)
    return (
        entry["at"][:19] + "Z", who, entry["via"], entry["action"], _words(entry["target"]),
        _ending(entry), entry["address"], _words(detail),
    )  # fmt: skip


def _ending(entry: dict[str, Any]) -> str:
    if entry["status"] is None:
        return "open"
    return f"{entry['status']} {entry['code'] or ''}".rstrip()


def _words(facts: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.items())
