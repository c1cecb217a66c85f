"""Many writers at once, and what heartbeats and held snapshots cost."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from app.models import Task
from app.queries import leases
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.processes import ROOT, wait_until
from tests.support.world import QUEUE, World

WRITERS = 8
EACH = 25

# One writer as an application's code would have it: a process, a session for each task.
_WRITER = f"""
import asyncio
from app.db.session import async_session
from app.services.task import task_service

async def write():
    for number in range({EACH}):
        async with async_session() as db:
            task, _ = await task_service.create_task(
                db, name=str(number), task_type="t", celery_task_name="tests.support.tasks.noop")
        async with async_session() as db:
            assert await task_service.cancel_task(db, task.id)

asyncio.run(write())
"""


@pytest.mark.later
@on_sqlite
def test_eight_writers_at_once_are_never_told_of_a_lock(world: World, tmp_path: Path) -> None:
    """Also while an agent's statements, which have less patience, go on beside them."""
    pair = world.running()
    ending = threading.Event()

    def renew() -> None:
        while not ending.is_set():
            assert world.database.execute(leases.renew([pair], 30.0)).one().id == pair[0]

    renewing = threading.Thread(target=renew)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(WRITERS)
    ]
    renewing.start()
    try:
        said = [writer.communicate(timeout=120)[1] for writer in writers]
    finally:
        ending.set()
        renewing.join()
    assert [writer.returncode for writer in writers] == [0] * WRITERS, said[0]
    assert "locked" not in "".join(said)
    assert world.statuses() == {"revoked": WRITERS * EACH, "running": 1}


def updates_of(world: World, table: str) -> tuple[int, int]:
    """Updates of a table so far, and how many of them touched no index."""
    row = world.database.execute(
        text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = :t"),
        {"t": table},
    ).one()
    return row.n_tup_upd, row.n_tup_hot_upd


@on_postgresql
def test_heartbeats_touch_no_index(world: World) -> None:
    """Heap-only updates: neither indexes nor the dead versions in pages grow by a heartbeat."""
    pairs = [world.running(name="x" * 200) for _ in range(40)]
    worker = {"name": "w1", "host": "h", "pid": 1, "pool": "prefork", "queues": [QUEUE]}
    worker |= {"slots": 2, "running": [str(pair[0]) for pair in pairs], "version": "1"}
    worker |= {"catalogue_hash": "x", "catalogue": ["a"] * 50, "stopping": False}
    world.database.execute(leases.describe_worker({**worker, "cpu_percent": 0, "memory_bytes": 0}))
    beats = 100
    for beat in range(beats):
        world.database.execute(leases.renew(pairs, 30.0))
        usage = {"cpu_percent": beat, "memory_bytes": beat}
        world.database.execute(leases.describe_worker({**worker, **usage}))
    world.database.close()  # a connection that ends says what it has counted
    for table, count in (("tasks", beats * len(pairs)), ("workers", beats)):
        wait_until(
            lambda: updates_of(world, table)[0] >= count,  # noqa: B023 - used at once
            timeout=10,
            what=f"the server has counted {count} updates of {table}",
        )
        updates, hot = updates_of(world, table)
        others = updates - count  # marks and claims, which belong into indexes
        assert hot >= 0.95 * (updates - others), f"{table}: {hot} of {updates} were heap-only"


def scans_of(world: World, index: str) -> int:
    """How often an index of the tasks was used so far."""
    statement = text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :i")
    return int(world.database.execute(statement, {"i": index}).one().idx_scan)


@on_postgresql
def test_an_attempt_finds_its_row_by_its_key(world: World) -> None:
    """Not by the index of all that run, which holds the dead ones too while a snapshot is held.

    Tables are small here and partial indexes nearly empty, which is when those look cheapest.
    """
    ids = world.add_many(20)
    world.mark(*ids)
    pairs = [world.pair(task_id) for task_id in ids]
    for pair in pairs[:10]:
        world.claim(pair)
    world.claim(*pairs[10:])
    for pair in pairs[:10]:
        assert world.report(pair, 50)
    world.database.execute(leases.renew(pairs, 30.0))
    for pair in pairs[:10]:
        assert len(world.settle(pair)) == 1
    assert len(world.settle(*pairs[10:])) == 10
    world.database.close()  # a connection that ends says what it has counted
    written = 20 + 20 + 10 + 20 + 20  # marks, claims, reports, renewals, settlements
    wait_until(lambda: updates_of(world, "tasks")[0] >= written, timeout=10, what="it is counted")
    assert scans_of(world, "pk_tasks") >= 40
    for index in ("ix_tasks_marked", "ix_tasks_running", "ix_tasks_waiting"):
        assert scans_of(world, index) == 0, index


def test_no_index_holds_what_a_heartbeat_writes() -> None:
    for index in Task.__table__.indexes:  # type: ignore[attr-defined]
        assert "lease_until" not in {column.name for column in index.columns}
