"""What an agent learns from its predecessor about processes that cannot speak."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from pathlib import Path

from app.worker.holdings import Holdings, Process
from app.worker.legacy import Legacy


def _holding(pid: int, *, seconds: float) -> tuple[Holdings, uuid.UUID]:
    holdings = Holdings()
    process = holdings.processes[pid] = Process(pid, "w", None, parent=os.getppid())
    celery_id = uuid.uuid4()
    message = ["claim", str(uuid.uuid4()), str(celery_id), "default", "f", 60.0, 30.0]
    holdings.claimed_by(process, [*message, time.monotonic() - seconds])
    return holdings, celery_id


def _succeed(path: Path, holdings: Holdings) -> Holdings:
    asyncio.run(Legacy(str(path), holdings).write_once())
    successor = Holdings()
    Legacy(str(path), successor).read()
    return successor


def test_a_claim_is_taken_over_with_its_age_and_its_limits(tmp_path: Path) -> None:
    holdings, celery_id = _holding(os.getpid(), seconds=20)
    process = _succeed(tmp_path / "agent", holdings).processes[os.getpid()]
    held = process.held[celery_id]
    assert time.monotonic() - held.since >= 20
    assert (held.time_limit, held.soft_time_limit, process.parent) == (60, 30, os.getppid())
    assert process.connection is None


def test_claims_of_the_last_moment_are_left_to_those_who_speak(tmp_path: Path) -> None:
    holdings, _ = _holding(os.getpid(), seconds=0)
    assert not _succeed(tmp_path / "agent", holdings).processes


def test_a_process_that_is_gone_has_left_nothing(tmp_path: Path) -> None:
    holdings, _ = _holding(2**22 - 1, seconds=20)
    assert not _succeed(tmp_path / "agent", holdings).processes


def test_a_first_agent_finds_nothing(tmp_path: Path) -> None:
    holdings = Holdings()
    Legacy(str(tmp_path / "agent"), holdings).read()
    assert not holdings.processes
