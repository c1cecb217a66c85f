"""`taskctl doctor`: every check is a small function that returns what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.core.version import VERSION
from app.services.doctor.findings import Finding, Level, problem

__all__ = ["Finding", "Level", "diagnose"]


def diagnose() -> list[Finding]:
    """Look at everything and report it. Never raises for a fault that it is there to find."""
    try:
        settings = get_settings()
    except ConfigurationError as error:
        # Without settings there is nothing else to look at.
        return [problem("settings", str(error), "correct it in the environment or the .env file")]
    from app.services.doctor.broker import check_broker
    from app.services.doctor.database import schema
    from app.services.doctor.host import check_host
    from app.services.doctor.modules import check_modules
    from app.services.doctor.secrets import check_secrets

    findings = []
    for check in (check_secrets, check_host, check_broker):
        findings += _guarded(partial(check, settings))
    modules = _guarded(partial(check_modules, settings))
    database = _guarded(lambda: [schema(settings)])
    findings += [*modules, *database]
    # One that is ahead is worth a warning, and can be asked.
    if all(finding.level is not Level.PROBLEM for finding in database):
        findings += _guarded(lambda: asyncio.run(_state(readable=_fine(modules))))
    return findings


def _fine(findings: list[Finding]) -> bool:
    return all(finding.level is Level.OK for finding in findings)


def _guarded(check: Callable[[], list[Finding]]) -> list[Finding]:
    """The check's findings. One that stumbles must not hide what the others find."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - see above
        text = f"a check could not be finished: {type(error).__name__}: {error}"
        return [problem("doctor", text, "run taskctl doctor again; if it stays, report it")]


async def _state(*, readable: bool) -> list[Finding]:
    """What the database knows. `readable`: the task modules can be imported."""
    from app.db.session import read_session
    from app.services import queue, worker
    from app.services.catalogue import catalogue
    from app.services.doctor import database, schedules, webhooks, workers

    known = catalogue() if readable else None
    async with read_session() as db:
        findings = [
            await database.server_version(db),
            await database.durability(db),
            await database.clock(db),
            await database.pooler(db, get_settings()),
            await webhooks.overdue(db),
        ]
        reported = await worker.list_workers(db)
        states = await queue.list_queues(db) if readable else []
        planned = await schedules.check(db, known) if known else []
    findings += planned
    findings.append(workers.alive(reported))
    if live := [row for row, is_live in reported if is_live]:
        findings += workers.versions(live, VERSION, known)
        findings += workers.queues(states, known)
    return [finding for finding in findings if finding]
