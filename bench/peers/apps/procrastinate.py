"""procrastinate: asynchronous workers, asynchronous task, batches of deferred jobs."""

from __future__ import annotations

import procrastinate

from bench import calls
from bench.peers.apps import POSTGRES

CHUNK = 1000
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=POSTGRES),
    import_paths=["bench.peers.apps.procrastinate"],
)


@app.task(name="noop")
async def noop() -> None:
    """Count."""
    calls.add()


def prepare() -> None:
    """Make its tables."""
    with _submitter().open() as opened:
        opened.schema_manager.apply_schema()


def fill(count: int) -> None:
    """Submit."""
    with _submitter().open() as opened:
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            task = opened.configure_task("noop", allow_unknown=True)
            task.batch_defer(*({} for _ in range(size)))


def _submitter() -> procrastinate.App:
    return procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=POSTGRES))
