"""What can go wrong on the command line: one sentence with the cure, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a script may rely on."""

    OK = 0  # done; with --watch: the task succeeded
    FAILED = 1  # the task failed, or doctor or verify found a problem
    USAGE = 2  # the command line itself is wrong
    BLIND = 2  # verify could not look
    STOPPED = 3  # the watched task was revoked or deleted
    REFUSED = 4  # the command could not be carried out; stderr says why
    INTERRUPTED = 130  # Ctrl-C


class CliError(Exception):
    """A sentence for the person, and further lines for the details."""

    def __init__(
        self, sentence: str, *, code: ExitCode = ExitCode.REFUSED, lines: Iterable[str] = ()
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.lines = list(lines)

    def show(self) -> None:
        """Write it to stderr."""
        from app.cli.output import clean

        for line in (self.sentence, *(f"  {line}" for line in self.lines)):
            sys.stderr.write(clean(line) + "\n")


def explained(error: Exception) -> CliError | None:
    """The error as a sentence, or None for a bug, which deserves its traceback."""
    if isinstance(error, CliError):
        return error
    from app.core.errors import AppError, ConfigurationError

    if isinstance(error, ConfigurationError):
        return CliError(str(error))
    if isinstance(error, AppError):
        return CliError(error.detail, lines=places(error.errors))
    # Only a command that used the database can have failed there; importing SQLAlchemy just to
    # compare types would slow down every other error.
    if "sqlalchemy" in sys.modules:
        return _database_failure(error)
    return None


def _database_failure(error: Exception) -> CliError | None:
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

    if not isinstance(error, DBAPIError):
        return None
    from app.core.config import get_settings, masked_url

    reason = str(error.orig).strip().splitlines()[0] if error.orig else "no reason given"
    where = masked_url(get_settings().resolved_database_url)
    # A missing table is an OperationalError on SQLite and a ProgrammingError on PostgreSQL.
    if "no such table" in reason or isinstance(error, ProgrammingError):
        return CliError(
            f"The database {where} is not at this version's schema ({reason}); "
            "run `taskctl migrate`"
        )
    if isinstance(error, OperationalError | InterfaceError):
        return CliError(
            f"The database {where} does not answer ({reason}); start it or correct DATABASE_URL"
        )
    return None


def places(errors: Iterable[dict[str, object]] | None) -> list[str]:
    """`errors` of a problem document as lines: where, and what is wrong there."""
    lines = []
    for error in errors or ():
        loc = error.get("loc")
        parts = loc if isinstance(loc, list | tuple) else [loc]
        where = ".".join(str(part) for part in parts if part not in (None, "body", "query"))
        lines.append(f"{where}: {error.get('msg')}" if where else str(error.get("msg")))
    return lines
