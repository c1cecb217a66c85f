"""Doctor and the workers, as their rows describe them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.core.version import VERSION
from app.models import Worker
from app.services import queue, worker
from app.services.catalogue import catalogue
from app.services.doctor.findings import Finding, Level
from app.services.doctor.workers import alive, queues, versions
from app.services.health import Readiness


async def add(db: AsyncSession, *, age_seconds: float = 0, **values: Any) -> Worker:
    """A worker that serves everything and was heard of `age_seconds` ago."""
    seen = datetime.now(UTC) - timedelta(seconds=age_seconds)
    described = {
        "name": "w1@host",
        "host": "host",
        "pid": 1,
        "pool": "prefork",
        "queues": sorted(catalogue().queues),
        "slots": 4,
        "running": [],
        "version": VERSION,
        "catalogue_hash": catalogue().hash,
        "catalogue": catalogue().names,
        "cpu_percent": 0.0,
        "memory_bytes": 0,
        "started_at": seen,
        "heartbeat_at": seen,
        **values,
    }
    row = Worker(**described)
    db.add(row)
    await db.commit()
    return row


async def served(db: AsyncSession) -> list[Finding]:
    return queues(await queue.list_queues(db), catalogue())


async def test_ready_says_that_a_worker_differs_and_not_which(db: AsyncSession) -> None:
    await add(db)
    assert (await Readiness().check()).checks["workers"].status == "ok"
    others: list[dict[str, Any]] = [{"version": "0.9"}, {"catalogue_hash": "another"}]
    for number, differs in enumerate(others, start=2):
        await add(db, name=f"w{number}@host", **differs)
    await add(db, name="w4@host", version="0.9", stopping=True)
    await add(db, name="w5@host", version="0.9", age_seconds=worker.silence_seconds() + 5)
    found = (await Readiness().check()).checks["workers"]
    assert found.status == "degraded"
    assert found.detail.startswith("2 of 4 live workers are of another version")
    assert "taskctl doctor" in found.detail
    assert "host" not in found.detail


async def test_no_worker_at_all_is_a_problem(db: AsyncSession) -> None:
    finding = alive(await worker.list_workers(db))
    assert finding.level is Level.PROBLEM
    assert "scripts.celery_worker" in finding.cure


async def test_silent_worker_is_not_alive(db: AsyncSession, settings: Settings) -> None:
    await add(db, age_seconds=worker.silence_seconds() + 5)
    finding = alive(await worker.list_workers(db))
    assert finding.level is Level.PROBLEM
    assert "last was heard of" in finding.found


async def test_live_worker_of_this_code_is_fine(db: AsyncSession) -> None:
    row = await add(db)
    assert alive(await worker.list_workers(db)).level is Level.OK
    assert [f.level for f in versions([row], VERSION, catalogue())] == [Level.OK]
    assert [f.level for f in await served(db)] == [Level.OK]


async def test_worker_of_another_version_is_named(db: AsyncSession) -> None:
    row = await add(db, version="0.9.0")
    (finding,) = versions([row], VERSION, catalogue())
    assert finding.level is Level.WARNING
    assert "w1@host (0.9.0)" in finding.found


async def test_worker_that_lacks_a_function_is_named_with_it(db: AsyncSession) -> None:
    names = [name for name in catalogue().names if not name.endswith("long_running_task")]
    row = await add(db, catalogue_hash="other", catalogue=[*names, "theirs.own"])
    (finding,) = versions([row], VERSION, catalogue())
    assert finding.level is Level.WARNING
    assert "they lack app.tasks.common_tasks.long_running_task" in finding.found
    assert "only they have theirs.own" in finding.found


async def test_queue_that_nobody_serves_is_named_with_its_functions(db: AsyncSession) -> None:
    await add(db, queues=["default"])
    findings = {finding.check: finding for finding in await served(db)}
    assert findings
    assert "queue default" not in findings
    finding = findings["queue lane"]
    assert finding.level is Level.PROBLEM
    assert "tests.support.tasks.in_lane" in finding.found
    assert "--queues lane" in finding.cure


async def test_paused_queue_is_named_with_who_paused_it(db: AsyncSession) -> None:
    await add(db)
    await queue.pause(db, "default", "ann@example.org")
    findings = {finding.check: finding for finding in await served(db)}
    assert findings["queue default"].level is Level.WARNING
    assert "ann@example.org" in findings["queue default"].found


def test_without_workers_the_queues_are_not_listed(
    db: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.doctor import diagnose

    checks = [finding.check for finding in diagnose()]
    assert "workers" in checks
    assert not [check for check in checks if check.startswith("queue ")]
