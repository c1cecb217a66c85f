"""Invariants of a live system, checked against its database and its broker.

A system that works moves between two reads, so nothing that one look sees is reported: a suspect
is looked at again until it is gone, or has been there, unmoved, for as long as the system may take
to put it right by itself.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial

from app.core.config import get_settings
from app.db.session import Database
from app.maintenance.invariants import flow, groups, limits, parts, rows
from app.maintenance.invariants.finding import RULES, Finding, Report, Rule, Suspect, gather
from app.maintenance.invariants.times import Times

__all__ = ["RULES", "Finding", "Report", "Rule", "Times", "at_rest", "run_once"]

# Between two looks. At least two are always taken.
PAUSE_SECONDS = 1.0
# What only agents put right, who need time for it.
_UP_TO_AGENTS = {
    "expired", "lease_over", "needs_gone", "not_deleted", "not_stopped", "unknown_worker",
}  # fmt: skip

Check = Callable[[], list[Suspect]]


def run_once(
    database: Database,
    *,
    times: Times | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Report:
    """Look at everything; takes a second or two, longer only while something is suspected.

    Raises `SQLAlchemyError` when the database cannot be asked. A broker that does not answer is
    a note: what is in it is then not looked at.
    """
    times = times or Times.of(get_settings())
    notes: list[str] = []
    checks: list[Check] = [
        partial(rows.broken, database, times),
        partial(rows.counted, database),
        partial(rows.unlisted, database),
        partial(rows.rolled_up, database),
        partial(rows.misnamed, database, notes, secrets.randbelow(1 << 16)),
        partial(rows.unfolded, database, times),
        partial(groups.counted, database),
        partial(groups.ungrouped, database),
        partial(limits.exceeded, database),
        partial(flow.look, database, times, notes),
        partial(parts.workers, database, times),
        partial(parts.schedules, database, times, notes),
    ]
    confirmed = [suspect for check in checks for suspect in _confirmed(check, sleep)]
    findings = gather(confirmed)
    broken = {finding.rule for finding in findings}
    held = [name for name in RULES if name not in broken]
    return Report(findings, held, list(dict.fromkeys(notes)))


def at_rest(database: Database) -> list[Finding]:
    """Whether the rows agree with each other, in a database for which no process runs.

    One look is enough, since nothing moves; what waits for agents is no wonder. Raises
    `SQLAlchemyError` when the database cannot be asked.
    """
    times = Times.of(get_settings())
    suspects = [
        *rows.broken(database, times),
        *rows.counted(database),
        *rows.unlisted(database),
        *rows.rolled_up(database),
        *rows.misnamed(database, [], secrets.randbelow(1 << 16)),
        *groups.counted(database),
        *groups.ungrouped(database),
    ]
    return gather([each for each in suspects if each.rule not in _UP_TO_AGENTS])


def _confirmed(check: Check, sleep: Callable[[float], object]) -> list[Suspect]:
    """What the check sees again and again until its patience is over."""
    open_ = {suspect.key: suspect for suspect in check()}
    sure: list[Suspect] = []
    elapsed = 0.0
    while open_:
        sleep(PAUSE_SECONDS)
        elapsed += PAUSE_SECONDS
        again = {suspect.key: suspect for suspect in check()}
        for key, first in list(open_.items()):
            now = again.get(key)
            if now is None or not first.witness <= now.witness:
                del open_[key]
            elif elapsed >= first.patience:
                sure.append(now)
                del open_[key]
    return sure
