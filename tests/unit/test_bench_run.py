"""The benchmark goes on when a part of it fails, and says which."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from bench import load, run
from bench.line import Absent, Line, Measured
from bench.mix import NEEDLE, RARE, RARE_ROWS, RUNNING_ROWS, Mix, _uuid7
from bench.peers.environments import REQUIREMENTS, locked, version
from bench.peers.registry import PEERS
from bench.rows import Store, copies
from bench.sizes import QUICK, Sizes
from bench.topic import NotThere, Outcome, RoundFailed, Topic
from bench.topics.questions import questions


class Fake(Topic):
    """Yields or raises what a test says."""

    name: ClassVar[str] = "fake"
    outcomes: ClassVar[list[Outcome | BaseException]] = []

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [_line("one"), _line("two")]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        return {"one": "", "two": ""}

    def round(self, number: int) -> Iterator[Outcome]:
        for outcome in self.outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome


def _line(system: str) -> Line:
    return Line(key=system, meaning="", measure="v", pairs=[(system, None)], target=1.0)


def _words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *outcomes: Outcome | BaseException
) -> list[str]:
    results = _results(monkeypatch, tmp_path, [Fake], *outcomes)
    return [each.word for each in results.judged]


def _results(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    topics: Sequence[type[Topic]],
    *outcomes: Outcome | BaseException,
) -> run.Results:
    monkeypatch.setattr(run, "servers", lambda folder: contextlib.nullcontext())
    monkeypatch.setattr(Fake, "outcomes", list(outcomes))
    sizes = replace(QUICK, rounds=3)
    return run.run(topics, sizes, run.select(topics, sizes, []), tmp_path, lambda text: None)


ONE = Measured("one", {"v": 2.0})


def test_a_line_that_cannot_run_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _words(monkeypatch, tmp_path, ONE, Absent("two", "not there")) == ["PASS", "NOT RUN"]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (NotThere("not in this version"), "NOT RUN"),
        (RoundFailed("a task was lost"), "FAILED"),
        (ZeroDivisionError(), "FAILED"),
    ],
)
def test_what_was_measured_before_a_failure_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, word: str
) -> None:
    assert _words(monkeypatch, tmp_path, ONE, error) == ["PASS", word]


class Whole(Fake):
    """A topic that is measured before the other one."""

    name: ClassVar[str] = "whole"

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [_line("three")]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        return {"three": ""}

    def round(self, number: int) -> Iterator[Outcome]:
        yield Measured("three", {"v": 2.0})


def test_an_interruption_keeps_what_whole_topics_have_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = _results(monkeypatch, tmp_path, [Whole, Fake], ONE, KeyboardInterrupt())
    assert results.interrupted
    assert len(results.rounds) == 1
    assert [each.word for each in results.judged] == ["PASS", "NOT RUN", "NOT RUN"]


# The rows


def _store(tmp_path: Path) -> Store:
    path = tmp_path / "rows.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE tasks (id TEXT, celery_id TEXT, name TEXT, at INTEGER)")
    return Store(f"sqlite:///{path}")


def test_rows_are_copied_with_ids_of_their_own(tmp_path: Path) -> None:
    store = _store(tmp_path)
    row = {"id": "", "celery_id": "", "name": "same", "at": store.moment(1.5)}
    assert store.add("tasks", copies(store, row, 10, lambda n: {"name": f"n{n}"})) == 10
    found = store.execute("SELECT count(DISTINCT id), count(DISTINCT celery_id) FROM tasks")
    assert found == [(10, 10)]
    assert store.execute("SELECT DISTINCT at FROM tasks") == [(1_500_000,)]
    assert ("n9",) in store.execute("SELECT name FROM tasks")


def test_nothing_is_added_for_no_rows(tmp_path: Path) -> None:
    assert _store(tmp_path).add("tasks", []) == 0


def test_ids_of_a_mix_are_of_their_time_and_version() -> None:
    made = [_uuid7(second, random.getrandbits(74)) for second in range(1_000_000, 1_000_050)]
    assert made == sorted(made)
    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
    assert made[0].int >> 80 == 1_000_000_000


def test_a_mix_has_its_rare_rows_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "id celery_id owner_ref parent_id completed_at started_at dispatched_at scheduled_at"
    base = dict.fromkeys([*names.split(), "lease_until", "reason"]) | {"tags": "[]"}
    store, user = Store("sqlite:///"), uuid.uuid4()
    monkeypatch.setattr(store, "build", lambda *args: dict(base))
    for size in (500, 3000):
        rows = list(Mix(store, user, size, 1e9)._make(range(size)))
        rare = [row for row in rows if row["task_type"] == RARE]
        assert len(rare) == RARE_ROWS
        assert {row["user_id"] for row in rare} == {user.hex}
        assert all(NEEDLE in row["name"] for row in rare)
        assert sum(row["status"] == "running" for row in rows) == RUNNING_ROWS
        own = sum(row["user_id"] == user.hex for row in rows) / size
        assert 0.05 < own < 0.2


def test_every_filter_that_is_documented_is_asked_for() -> None:
    from app.api.v1.parameters import _filter

    asked = {name.split(",")[0] for name in (each.key for each in questions())}
    asked |= {"status"} if "two statuses" in asked else set()
    names = set(_filter.__annotations__) - {"caller", "return"}
    assert names <= asked


# The load client


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            # In pieces, as a slow network would bring it.
            writer.write(b"HTTP/1.1 201 Created\r\nContent-")
            await writer.drain()
            writer.write(b"Length: 5\r\n\r\nhel")
            await writer.drain()
            writer.write(b"lo")


@pytest.fixture
def port() -> Iterator[int]:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_the_load_client_counts_whole_answers(port: int) -> None:
    raw = load.request("GET", "/", "token")
    loaded = load.run(port, raw, connections=3, seconds=0.3, warm_seconds=0.1)
    assert set(loaded.answers) == {"201"}
    assert loaded.answers["201"] >= loaded.requests_per_second * 0.3 > 0
    assert 0 < loaded.p50_ms <= loaded.p99_ms


def test_a_request_says_how_long_its_body_is() -> None:
    raw = load.request("POST", "/x", "secret", b"{}")
    assert raw.endswith(b"Content-Length: 2\r\n\r\n{}")
    assert b"Authorization: Bearer secret\r\n" in raw


# The peers


def test_every_peer_is_locked_with_hashes() -> None:
    assert {peer.name for peer in PEERS} == {path.stem for path in REQUIREMENTS.glob("*.in")}
    for peer in PEERS:
        assert version(peer.name, peer.package) != "unknown"
        text = locked(peer.name).read_text()
        assert text.count("--hash=sha256:") >= text.count("==")


def test_every_peer_has_an_application() -> None:
    folder = REQUIREMENTS.parent / "apps"
    for peer in PEERS:
        text = (folder / f"{peer.name}.py").read_text()
        assert "def fill(count: int)" in text
        assert "calls.add()" in text
