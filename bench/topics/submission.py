"""Submission through the API, one task a request and in bulk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import redis

from bench import bare, load
from bench.apis import SAMPLE
from bench.cpu import Reading, own_seconds
from bench.line import Absent, Line, Measured
from bench.rows import Store
from bench.served import OURS, TASKS, Api, served
from bench.servers import KINDS, Database, environment_on
from bench.sizes import Sizes
from bench.topic import NotThere, Outcome, RoundFailed, Surroundings, Topic

CONNECTIONS = 32
WARM_SECONDS = 0.5
BULK = "/api/v1/tasks/bulk"
BULK_REQUESTS = 3
BODY: dict[str, Any] = {
    "name": "Monthly figures", "task_type": "report", "celery_task_name": SAMPLE,
    "args": [60], "kwargs": {"param": "value"}, "priority": 2,
}  # fmt: skip
NOOP, DELAY = "api-noop", "api-delay"
_BROKER_DATABASE = 3


class Submission(Topic):
    """One uvicorn at a time under the same load."""

    name: ClassVar[str] = "submission"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._databases: dict[str, Database] = {}

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [line for kind in KINDS for line in _lines(kind)]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        return {
            NOOP: "FastAPI, an endpoint that does nothing",
            DELAY: "FastAPI + task.delay(), no row",
            **{f"api-{kind}": f"our API, {kind}" for kind in KINDS},
            **{f"bulk-{kind}": f"our API, {kind}, {sizes.bulk} tasks a request" for kind in KINDS},
        }

    def prepare(self) -> None:
        for kind in KINDS:
            self._databases[kind] = self.servers.new_database(kind, f"submission-{kind}")

    def round(self, number: int) -> Iterator[Outcome]:
        place = self.around.place(f"submission-{number}")
        for name, module in ((NOOP, "bench.apis:noop"), (DELAY, "bench.apis:delay")):
            if self.wants(name):
                yield from _noted(self._compare(name, module, place), name)
        for kind, database in self._databases.items():
            names = [f"api-{kind}", f"bulk-{kind}"]
            if any(map(self.wants, names)):
                yield from _noted(self._ours(database, place), *filter(self.wants, names))

    def _compare(self, name: str, module: str, place: Path) -> Iterator[Outcome]:
        url = self.servers.peer_broker(_BROKER_DATABASE)
        queue = redis.Redis.from_url(url)
        queue.flushdb()
        database = self._databases["sqlite"]
        env = environment_on(self.servers, database, **{bare.BROKER: url})
        # Celery takes this for its own, whatever it is given.
        env["CELERY_BROKER_URL"] = url
        with served(module, env, database.tokens.user, place / f"{name}.out") as api:
            measured, accepted = self._load(name, api, [self.servers.broker.pid])
            sent = int(queue.llen("celery"))
            if name == DELAY and sent != accepted:
                raise RoundFailed(f"{accepted} requests were accepted, {sent} messages sent")
        queue.flushdb()
        yield measured

    def _ours(self, database: Database, place: Path) -> Iterator[Outcome]:
        kind, store = database.kind, Store(database.url)
        env = environment_on(self.servers, database)
        with served(OURS, env, database.tokens.user, place / f"{kind}.out") as api:
            if self.wants(f"api-{kind}"):
                before = _rows(store)
                measured, accepted = self._load(f"api-{kind}", api, self.servers.pids(kind))
                if (made := _rows(store) - before) != accepted:
                    raise RoundFailed(f"{accepted} requests were accepted, {made} rows made")
                yield measured
            if self.wants(f"bulk-{kind}"):
                yield self._bulk(f"bulk-{kind}", api, store)

    def _load(self, name: str, api: Api, servers: list[int]) -> tuple[Measured, int]:
        raw = load.request("POST", TASKS, api.token, json.dumps(BODY).encode())
        roots = [api.process.pid, *servers]
        before, mine, began = Reading.take(roots), own_seconds(), time.monotonic()
        with self.around.watched(name, [api.process.pid]):
            loaded = load.run(
                api.port, raw, connections=CONNECTIONS, seconds=self.sizes.submit_seconds,
                warm_seconds=WARM_SECONDS,
            )  # fmt: skip
        after = Reading.take(roots)
        accepted = loaded.answers.get("201", 0)
        if set(loaded.answers) != {"201"}:
            raise RoundFailed(f"answers other than 201: {loaded.answers}")
        used = after.since(before)
        machine = 2 * (time.monotonic() - began)
        foreign = after.foreign_since(before, own_seconds() - mine) / machine
        values = {
            "requests_per_second": round(loaded.requests_per_second, 1),
            "p50_ms": round(loaded.p50_ms, 2),
            "p99_ms": round(loaded.p99_ms, 2),
            "cpu_ms_per_request": round(1000 * sum(used.values()) / accepted, 4),
            "client_share": round(loaded.client_share, 2),
            "others": round(max(0.0, foreign - loaded.client_share / 2), 3),
        }
        parts = {each: 1000 * seconds / accepted for each, seconds in used.items()}
        return Measured(name, values, parts), accepted

    def _bulk(self, name: str, api: Api, store: Store) -> Measured:
        count = self.sizes.bulk
        raw = json.dumps({"tasks": [BODY] * count}).encode()
        taken = []
        roots = [api.process.pid, *self.servers.pids(name.removeprefix("bulk-"))]
        used: dict[str, float] = {}
        with self.around.watched(name, [api.process.pid]):
            for _ in range(BULK_REQUESTS):
                before, at_first, began = _rows(store), Reading.take(roots), time.perf_counter()
                status, body, _ = api.ask("POST", BULK, raw)
                taken.append(time.perf_counter() - began)
                for kind, seconds in Reading.take(roots).since(at_first).items():
                    used[kind] = used.get(kind, 0.0) + seconds
                if status in (404, 405):
                    raise NotThere(f"this version has no {BULK} (it answers {status})")
                if status not in (200, 201) or _rows(store) - before != count:
                    raise RoundFailed(f"{BULK} answered {status}: {body[:300]!r}")
        tasks = BULK_REQUESTS * count
        values = {
            "tasks_per_second": round(count / median(taken), 1),
            "seconds_per_request": round(median(taken), 3),
            "cpu_ms_per_task": round(1000 * sum(used.values()) / tasks, 4),
        }
        return Measured(name, values, {kind: 1000 * each / tasks for kind, each in used.items()})


def _noted(outcomes: Iterator[Outcome], *names: str) -> Iterator[Outcome]:
    """Outcomes up to the first failure, which is noted for all that did not come."""
    came = set()
    try:
        for outcome in outcomes:
            came.add(outcome.system)
            yield outcome
    except (NotThere, RoundFailed) as error:
        failed = isinstance(error, RoundFailed)
        yield from (Absent(name, str(error), failed) for name in names if name not in came)


def _rows(store: Store) -> int:
    return int(store.execute("SELECT count(*) FROM tasks")[0][0])


def _lines(kind: str) -> list[Line]:
    ours = f"api-{kind}"
    lines = [
        Line(
            key=f"submission.noop.{kind}", meaning="our API / an endpoint that does nothing",
            measure="requests_per_second", pairs=[(ours, NOOP)], target=0.45,
        ),
        Line(
            key=f"submission.delay.{kind}", meaning="our API / FastAPI + task.delay(), no row",
            measure="requests_per_second", pairs=[(ours, DELAY)], target=2.0,
        ),
    ]  # fmt: skip
    # The promise for bulk is PostgreSQL's; on SQLite it is measured too.
    bulk = Line(
        key=f"submission.bulk.{kind}", meaning="bulk, tasks a second",
        measure="tasks_per_second", pairs=[(f"bulk-{kind}", None)], target=20_000,
    )  # fmt: skip
    return [*lines, bulk]
