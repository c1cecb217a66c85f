"""`database move|backup`: the database as a whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.commands import local
from app.cli.failures import CliError, ExitCode
from app.cli.output import Output

if TYPE_CHECKING:
    from app.maintenance.moving import Moved

# Between two lines about the same table.
TELL_SECONDS = 2.0


def add(app: typer.Typer) -> None:
    """Register the group."""
    database = typer.Typer(help="The database as a whole: move it, copy it.", no_args_is_help=True)
    local(database)(move)
    local(database)(backup)
    app.add_typer(database, name="database")


def move(
    out: Output,
    target: Annotated[
        str,
        typer.Argument(metavar="URL", help="Such as postgresql://user:password@host/name; empty."),
    ],
) -> None:
    """Move everything from the SQLite file to an empty PostgreSQL database, ids and all.

    Stop every process of the system first. The file is only read, and stays as it is; a move that is
    interrupted leaves nothing in the target. Exit code 1 if the rows do not agree with each other.
    """
    from app.core.config import masked_url
    from app.maintenance.moving import move as carry_over

    moved = carry_over(target, _Teller(out).told)
    if out.as_json:
        out.json(moved.as_dict())
    else:
        _tell(out, moved, masked_url(target))
    if moved.findings:
        raise typer.Exit(ExitCode.FAILED)


class _Teller:
    """Says how far it has come, a line for each table and every two seconds."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._began = self._said = time.monotonic()
        self._table = ""

    def told(self, table: str, done: int, total: int) -> None:
        """`done` of `total` rows of a table are copied."""
        now = time.monotonic()
        if table != self._table:
            self._table, self._began = table, now
        if total and (done == total or now - self._said >= TELL_SECONDS):
            self._said = now
            speed = done / max(now - self._began, 0.001)
            self._out.note(f"{table}: {done:,} of {total:,} rows, {speed:,.0f} a second")


def _tell(out: Output, moved: Moved, target: str) -> None:
    for named in moved.mended:
        out.note(f"A text held NUL and now holds \\x00 in its place: {named}")
    if moved.mended_rows > len(moved.mended):
        out.note(f"The same in {moved.mended_rows - len(moved.mended)} more rows.")
    for finding in moved.findings:
        out.note(f"{finding.found}. {finding.cure}")
    tables = sum(1 for number in moved.rows.values() if number)
    out.line(f"{moved.total:,} rows of {tables} tables moved in {moved.seconds:.0f} s.")
    if moved.running:
        out.line(
            f"{moved.running} tasks were running when their workers ended: once workers run on the "
            "new database they are retried or failed, each by its policy."
        )
    out.line(
        f"Now set DATABASE_URL={target} for every process and start them; the broker and "
        "SECRET_KEY stay the same. The file is as it was: keep it as a backup, and start nothing on "
        "it any more."
    )


def backup(
    out: Output,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; a new file.")],
) -> None:
    """Copy the SQLite database into a file, while the system runs."""
    import sqlite3

    from sqlalchemy import make_url

    from app.core.config import get_settings, masked_url
    from app.db.backup import copy_database

    settings = get_settings()
    url = settings.resolved_database_url
    if not settings.is_sqlite:
        raise CliError(
            f"The database is on a server: pg_dump --format=custom --file={file} {masked_url(url)}"
        )
    source = Path(make_url(url).database or "")
    if not source.is_file():
        raise CliError(f"{source} does not exist; see DATABASE_URL and DATA_DIR")
    try:
        copy_database(source, file)
    except FileExistsError as error:
        raise CliError(f"{error}: name a new file") from None
    except (OSError, sqlite3.Error) as error:
        raise CliError(f"{source} cannot be copied to {file}: {error}") from None
    size = file.stat().st_size
    if out.as_json:
        out.json({"file": str(file.absolute()), "bytes": size})
    else:
        out.line(f"{source} is copied to {file} ({size:,} bytes).")
