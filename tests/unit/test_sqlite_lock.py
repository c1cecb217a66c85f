"""Who holds SQLite's write lock, and that a scenario counts a freeze of the holder as an outage."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.sqlite_lock import writers
from tests.support.chaos.system import System

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
for line in sys.stdin:
    connection.execute(line)
    print("done", flush=True)
"""


class Holder:
    """A process with a connection, told what to execute."""

    def __init__(self, database: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._process.pid

    def execute(self, sql: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{sql}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def holder(database: Path) -> Iterator[Holder]:
    process = Holder(database)
    yield process
    process.close()


@pytest.fixture
def system(database: Path, tmp_path: Path) -> Iterator[System]:
    # Only a database and no part: nothing of a stack is started here.
    stack: Any = types.SimpleNamespace(
        database_url=f"sqlite:///{database}", processes={}, folder=tmp_path
    )
    made = System(stack, proxied=())
    yield made
    made.heal_lines()


def test_a_writer_is_known_while_it_writes(database: Path, holder: Holder) -> None:
    assert writers(database) == set()
    holder.execute("BEGIN IMMEDIATE")
    assert writers(database) == {holder.pid}
    holder.execute("COMMIT")
    assert writers(database) == set()


def test_a_reader_is_no_writer(database: Path, holder: Holder) -> None:
    holder.execute("BEGIN")
    holder.execute("SELECT count(*) FROM t")
    assert writers(database) == set()


def test_a_writer_of_another_database_is_not_meant(tmp_path: Path, holder: Holder) -> None:
    holder.execute("BEGIN IMMEDIATE")
    other = Holder(tmp_path / "b.db")
    try:
        other.execute("SELECT 1")
        assert writers(tmp_path / "b.db") == set()
    finally:
        other.close()


def test_a_freeze_of_the_writer_is_an_outage_of_the_database(
    system: System, holder: Holder
) -> None:
    holder.execute("BEGIN IMMEDIATE")
    system.freeze(holder.pid)
    system.thaw(holder.pid)
    assert [Kind(fault.kind) for fault in system.faults] == [Kind.OTHER, Kind.DATABASE]


def test_a_freeze_of_another_is_none(system: System, holder: Holder) -> None:
    holder.execute("SELECT 1")
    system.freeze(holder.pid)
    system.thaw(holder.pid)
    assert [Kind(fault.kind) for fault in system.faults] == [Kind.OTHER]
