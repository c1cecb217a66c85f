"""`doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import typer

from app.cli.commands import local
from app.cli.failures import ExitCode
from app.cli.output import Output


def add(app: typer.Typer) -> None:
    """Register the command."""
    local(app)(doctor)


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
