"""Live state: many event streams while tasks change, and the API that serves them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import psutil

from bench import changes, streams
from bench.line import Absent, Line, Measured, percentile
from bench.rows import Row, Store, copies
from bench.served import OURS, TASKS, Api, served
from bench.servers import KINDS, Database, environment_on
from bench.sizes import Sizes
from bench.topic import Outcome, RoundFailed, Topic
from tests.support.processes import ROOT

# One in so many streams follows all of the user's tasks, the others one task each.
LIST_EVERY = 100
LEASE_SECONDS = 86_400
OPEN_SECONDS = 240
# How long the last change may take until it is everywhere.
REST_SECONDS = 2.0
ASK_EVERY_SECONDS = 0.05


class LiveState(Topic):
    """One API for each database; what would be rounds are periods of changes, one after another."""

    name: ClassVar[str] = "live"
    _periods: dict[str, list[Measured]]

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        what = f"{sizes.streams} streams, {sizes.changes_per_second} changes/s"
        return [
            Line(
                key=f"live.delivery.{kind}", meaning=f"{what}: from a change to its arrival, p95",
                measure="p95_ms", pairs=[(f"live-{kind}", None)], target=250, at_most=True,
            )
            for kind in KINDS
        ]  # fmt: skip

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        return {f"live-{kind}": f"our API, {kind}, {sizes.streams} streams" for kind in KINDS}

    def prepare(self) -> None:
        self._periods = {}
        self._held: dict[str, int] = {}

    def round(self, number: int) -> Iterator[Outcome]:
        for kind in KINDS:
            if self.wants(f"live-{kind}"):
                try:
                    if number == 1:
                        self._periods[kind] = list(self._watch(kind))
                except RoundFailed as error:
                    yield Absent(f"live-{kind}", str(error), failed=True)
                yield from self._periods.get(kind, [])[number - 1 : number]

    def _watch(self, kind: str) -> Iterator[Measured]:
        database = self.servers.new_database(kind, f"live-{kind}")
        tasks = _running_tasks(database, self.sizes.streams)
        # All of them are one user's.
        env = environment_on(self.servers, database, STREAMS_PER_USER=str(2 * self.sizes.streams))
        folder = self.around.place(f"live-{kind}")
        with served(OURS, env, database.tokens.user, folder / "api.out") as api:
            for _ in range(self.sizes.rounds):
                yield self._period(kind, api, tasks, env)

    def _period(
        self, kind: str, api: Api, tasks: Sequence[tuple[str, str]], env: Mapping[str, str]
    ) -> Measured:
        alone = self._ask_for(api, tasks, seconds=self.sizes.live_seconds / 4)
        process = psutil.Process(api.process.pid)
        before = process.memory_info().rss
        paths = [
            f"{TASKS}events" if number % LIST_EVERY == 0 else f"{TASKS}{task}/events"
            for number, (task, _) in enumerate(tasks)
        ]
        client = _Client(streams.Watch(api.port, api.token, paths))
        try:
            # Later periods use again what the first one's streams have given back.
            held = self._held.setdefault(kind, process.memory_info().rss - before)
            with self.around.watched(f"live-{kind}", [api.process.pid]):
                made, meanwhile = self._change(api, tasks, env)
            time.sleep(REST_SECONDS)
            saw = client.finish()
        finally:
            client.end()
        _require_convergence(saw, made, paths)
        values = {
            "p50_ms": saw.p50_ms,
            "p95_ms": saw.p95_ms,
            "p99_ms": saw.p99_ms,
            "changes_per_second": made.per_second,
            "deliveries": saw.deliveries,
            "stream_kb": held / 1000 / len(paths),
            "get_alone_p95_ms": percentile(alone, 0.95),
            "get_p95_ms": percentile(meanwhile, 0.95),
        }
        return Measured(f"live-{kind}", {name: round(value, 2) for name, value in values.items()})

    def _change(
        self, api: Api, tasks: Sequence[tuple[str, str]], env: Mapping[str, str]
    ) -> tuple[changes.Made, list[float]]:
        """Changes by a process of its own, while this one asks the API for tasks."""
        seconds = self.sizes.live_seconds
        order = changes.Order(tasks, self.sizes.changes_per_second, seconds)
        answers: list[subprocess.CompletedProcess[str]] = []

        def change() -> None:
            answers.append(
                subprocess.run(
                    [sys.executable, "-m", "bench.changes"], env=dict(env), cwd=ROOT,
                    input=json.dumps(asdict(order)), capture_output=True, text=True,
                )
            )  # fmt: skip

        thread = threading.Thread(target=change)
        thread.start()
        taken = self._ask_for(api, tasks, seconds)
        thread.join()
        if answers[0].returncode:
            raise RoundFailed(f"changes: {answers[0].stderr[-1000:]}")
        return changes.Made(**json.loads(answers[0].stdout)), taken

    def _ask_for(self, api: Api, tasks: Sequence[tuple[str, str]], seconds: float) -> list[float]:
        taken, end, number = [], time.monotonic() + seconds, 0
        while time.monotonic() < end:
            taken.append(api.time(TASKS + tasks[number % len(tasks)][0]))
            number += 1
            time.sleep(ASK_EVERY_SECONDS)
        return taken


class _Client:
    """The process with the streams. Made when all of them are open."""

    def __init__(self, watch: streams.Watch) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.streams"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        guard = threading.Timer(OPEN_SECONDS, self._process.kill)
        guard.start()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asdict(watch)) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        guard.cancel()
        if said != "open\n":
            raise RoundFailed(f"not every stream was opened: {self._complaint()}")

    def finish(self) -> streams.Saw:
        """Close the streams; what they have seen."""
        out, complaint = self._process.communicate(timeout=60)
        if self._process.returncode:
            raise RoundFailed(f"streams: {complaint[-1000:]}")
        return streams.Saw(**json.loads(out))

    def end(self) -> None:
        """End the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _complaint(self) -> str:
        self.end()
        assert self._process.stderr
        said = self._process.stderr.read().strip().splitlines()
        return said[-1][:500] if said else f"it took more than {OPEN_SECONDS} s"


def _running_tasks(database: Database, count: int) -> list[tuple[str, str]]:
    """Tasks of the user that run, under leases that outlast everything: their ids and fences."""
    store, now = Store(database.url), time.time()
    row = store.build("bench.tasks.noop", "live")
    running: Row = {
        "status": "running", "attempt": 1, "tries": 1, "worker": "elsewhere@host",
        "user_id": store.identity(uuid.UUID(database.tokens.user_id)),
        "dispatched_at": store.moment(now), "started_at": store.moment(now),
        "lease_until": store.moment(now + LEASE_SECONDS),
    }  # fmt: skip
    rows = list(copies(store, row | running, count))
    store.add("tasks", rows)
    return [(_text(row["id"]), _text(row["celery_id"])) for row in rows]


def _text(stored: Any) -> str:
    return str(uuid.UUID(str(stored)))


def _require_convergence(saw: streams.Saw, made: changes.Made, paths: Sequence[str]) -> None:
    """Every stream shows the last change of whatever it shows."""
    for path, last in zip(paths, saw.last, strict=True):
        task = Path(path).parent.name
        wanted = made.last if path == f"{TASKS}events" else {task: made.last.get(task)}
        late = [each for each, change in wanted.items() if change and last.get(each) != change]
        if late:
            raise RoundFailed(f"{path} never showed the last change of {late[0]}")
