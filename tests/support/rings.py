"""Rings of tests, and what to say of a ring that could not run."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

RINGS = ("unit", "integration", "acceptance", "faults", "chaos", "browser")
PREFIX = "NOT RUN: "
# Ends the line of what takes a machine of another kind. `.ci/run` reads it.
ELSEWHERE = " (.ci/run goes on without)"


def not_run(what: str, cure: str) -> NoReturn:
    """Skip because a tool is missing on this machine; the run's last lines say so.

    `what` names the tests that are skipped, `cure` the command that makes them run.
    """
    pytest.skip(f"{PREFIX}{what} — {cure}", allow_module_level=True)


def elsewhere(what: str, cure: str) -> NoReturn:
    """The same where a machine of another kind is wanted, which no package makes of this one.

    It is no failure of `.ci/run`.
    """
    not_run(what, cure + ELSEWHERE)


def ring_of(path: Path, root: Path) -> str | None:
    """The ring of a test file: the name of its folder below `tests`."""
    parts = path.relative_to(root).parts
    return parts[0] if parts[0] in RINGS else None


def not_run_lines(skipped: list[pytest.TestReport]) -> list[str]:
    """One line for each missing tool among the skipped reports, in their order."""
    lines: dict[str, None] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        reason = str(reason).removeprefix("Skipped: ")
        if reason.startswith(PREFIX):
            lines[reason] = None
    return list(lines)
