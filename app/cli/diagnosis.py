"""`doctor`, `verify` and `recount`: what is wrong here, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from app.cli.commands import local
from app.cli.failures import CliError, ExitCode, explained
from app.cli.output import Output

if TYPE_CHECKING:
    from app.db.session import Database
    from app.maintenance.invariants import Report

Answer = TypeVar("Answer")


def add(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (doctor, verify, recount):
        local(app)(command)


def doctor(out: Output) -> None:
    """Check settings, broker, database, workers and routes; exit code 1 if there is a problem."""
    from app.services.doctor import Level, diagnose

    findings = diagnose()
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    if out.as_json:
        out.json([finding.as_dict() for finding in findings])
    else:
        out.table(("", "CHECK", "FOUND"), [(f.level.value, f.check, f.found) for f in findings])
        for finding in findings:
            if finding.cure:
                out.line(f"{finding.check}: {finding.cure}")
        warnings = sum(finding.level is Level.WARNING for finding in findings)
        out.line(f"{problems} problems, {warnings} warnings, {len(findings)} checks.")
    if problems:
        raise typer.Exit(ExitCode.FAILED)


def verify(out: Output) -> None:
    """Check that the running system keeps its promises: leases, counts, order, the window.

    Reads the settings' database and broker and changes nothing; the table of tasks is read whole.
    Exit code 1 if a promise is broken, 2 if the database could not be asked.
    """
    report = _verified()
    if out.as_json:
        out.json(report.as_dict())
    else:
        if report.findings:
            out.table(("BROKEN", "FOUND"), [(f.rule, f.found) for f in report.findings])
        for finding in report.findings:
            out.line(f"{finding.rule}: {finding.cure}")
        for note in report.notes:
            out.note(f"Note: {note}.")
        out.line(f"{len(report.findings)} broken, {len(report.held)} hold.")
    if report.findings:
        raise typer.Exit(ExitCode.FAILED)


def recount(out: Output) -> None:
    """Count all tasks and failures and list them anew, where `verify` says that something is wrong.

    For after an import with triggers disabled. The system may run on.
    """
    # Not above: `--help` loads this module, and does without what takes long to load.
    import asyncio

    wrong = _with_database(lambda database: asyncio.run(_counted(database)))
    if out.as_json:
        out.json(wrong)
    elif any(wrong.values()):
        out.line(
            f"{wrong['corrected']} counts and {wrong['grouped']} error groups or tasks in them were "
            f"wrong, {wrong['listed']} tasks wrongly listed, {wrong['rolled_up']} showed other "
            f"subtasks than there are, and {wrong['named']} segments of names were wrongly marked; "
            "all is right now."
        )
    else:
        out.line("All counts and lists agree.")


async def _counted(database: Database) -> dict[str, int]:
    from app.maintenance import entries, fold, grouping, naming, rollup
    from app.services import audit

    async with audit.at_terminal("recount", {}, {}):
        return {
            "corrected": fold.recount(database),
            "listed": entries.mend(database),
            "grouped": grouping.recount(database),
            "rolled_up": rollup.recount(database),
            "named": naming.mend(database),
        }


def _verified() -> Report:
    def look(database: Database) -> Report:
        from app.maintenance import invariants

        return invariants.run_once(database)

    return _with_database(look)


def _with_database(work: Callable[[Database], Answer]) -> Answer:
    """Whatever keeps it from being done is exit code 2."""
    try:
        from app.db import migrate
        from app.db.session import Database

        found = migrate.status()
        if not found.usable:
            raise CliError(found.detail)
        database = Database()
        try:
            return work(database)
        finally:
            database.close()
    except Exception as error:
        failure = explained(error)
        if failure is None:
            raise
        raise CliError(failure.sentence, code=ExitCode.BLIND, lines=failure.lines) from None
