"""`migrate` and `config`."""

from __future__ import annotations

import typer

from app.cli.commands import local
from app.cli.output import Output


def add(app: typer.Typer) -> None:
    """Register the commands."""
    local(app)(migrate)
    local(app)(config)


def migrate(out: Output) -> None:
    """Bring the database to this version's schema; nothing happens when it is there."""
    from app.db.migrate import status, upgrade

    before = status()
    after = upgrade()
    if out.as_json:
        out.json({"state": after.state, "from": before.revision, "to": after.revision})
    elif after.state == "ahead":
        out.line(f"{after.detail}.")
    elif before.revision == after.revision:
        out.line(f"The schema is up to date ({after.revision}).")
    else:
        out.line(f"Migrated from {before.revision or 'an empty database'} to {after.revision}.")


def config(out: Output) -> None:
    """Show the settings in effect and where each came from; secrets are masked."""
    from app.core.config import effective

    rows = effective()
    if out.as_json:
        out.json({name: {"value": value, "source": source} for name, value, source in rows})
    else:
        out.table(("SETTING", "VALUE", "SOURCE"), rows)
