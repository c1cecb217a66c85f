"""`python -m bench.wal`: bytes of PostgreSQL's write-ahead log that a task costs.

PostgreSQL, a broker, an API and a worker are started for it on this machine, with their settings at
their defaults, and end with it. The tasks are submitted into a paused queue, one in a request and
1,000 in a request; then the queue is released, and they run: in slices, one row a message, and in the
burst lane. Before and after each part the position in the log is read. What is noted for counts is
counted within the part. So everything is in it: the row, its indexes, claim, settlement, counts, and
whole pages, which PostgreSQL writes at the first change after a checkpoint (one is made at the start).
Between two readings the idle system writes some, too: heartbeats, a row in ten seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from bench.served import OURS, TASKS, Api, served
from bench.servers import environment_on, own_environment, servers
from bench.topic import RoundFailed

if TYPE_CHECKING:
    from bench.systems import Tracked

MOST_TASKS = 200_000
AT_ONCE = 1000
END_SECONDS = 300


class _Log:
    """The position in the write-ahead log, and what has been written since the last look."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        connection.execute("CHECKPOINT")
        self._at = self._position()

    def _position(self) -> int:
        statement = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
        row = self._connection.execute(statement).fetchone()
        assert row is not None
        return int(row[0])

    def since(self) -> int:
        """Bytes."""
        before, self._at = self._at, self._position()
        return self._at - before


def _submit(api: Api, function: str, label: str, count: int, at_once: int) -> None:
    """Raises `RoundFailed`."""
    task = {"name": label, "task_type": label, "celery_task_name": function}
    for start in range(0, count, at_once):
        many = [task] * min(at_once, count - start)
        path, body = (TASKS, task) if at_once == 1 else (f"{TASKS}bulk", {"tasks": many})
        status, answer, _ = api.ask("POST", path, body)
        if status != 201:
            raise RoundFailed(f"a submission was answered {status}: {answer[:300]!r}")


def _run(system: Tracked, label: str, count: int) -> None:
    """Raises `RoundFailed`."""
    system.release()
    deadline = time.monotonic() + END_SECONDS
    while system.backlog.succeeded(label) < count or system.backlog.running():
        if time.monotonic() > deadline:
            raise RoundFailed(f"{label}: not all tasks succeeded in {END_SECONDS} s")
        time.sleep(0.1)
    system.backlog.fold()


def _measure(folder: Path, count: int) -> None:
    from bench.drain import started
    from bench.systems import BURST, SINGLE, SLICED, Tracked

    with servers(folder) as running:
        database = running.new_database("postgresql", "wal")
        system = Tracked(running, database)
        env = environment_on(running, database)
        with (
            psycopg.connect(database.url, autocommit=True) as connection,
            served(OURS, env, database.tokens.user, folder / "api.out") as api,
            started(system, folder / "worker"),
        ):
            log = _Log(connection)
            parts = [(SLICED, 1), (SLICED, AT_ONCE), (SINGLE, AT_ONCE), (BURST, AT_ONCE)]
            for function, at_once in parts:
                label = f"{function}, {at_once} in a request"
                system.backlog.pause()
                log.since()
                _submit(api, function, label, count, at_once)
                system.backlog.fold()
                submitted = log.since()
                _run(system, label, count)
                ran = log.since()
                print(
                    f"{label:48} submitted {submitted / count:8,.0f} bytes a task, run {ran / count:8,.0f}",
                    flush=True,
                )


def main() -> int:
    """Start everything, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.wal",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--tasks", type=int, default=5000, metavar="N", help="of each kind; 5000")
    count = min(max(1, parser.parse_args().tasks), MOST_TASKS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="wal-"))
    # Rows are read and written by the service's own code, which reads its settings when imported.
    os.environ.update(own_environment(folder))
    try:
        _measure(folder, count)
    except RoundFailed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
