"""Reads at size: the same questions to a small table and to a large one, by turns."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from bench import tables, upkeep
from bench.cpu import Reading
from bench.line import Absent, Line, Measured, percentile
from bench.served import OURS, TASKS, served
from bench.servers import KINDS, Database, environment_on
from bench.sizes import Sizes
from bench.tables import FilledDatabase
from bench.topic import Outcome, RoundFailed, Surroundings, Topic
from bench.topics.questions import Question, Table, look_around, questions
from tests.support.processes import ROOT, Process, wait_until

CALLERS = ("user", "admin")
# Tasks that retention does not reach.
NEWEST = 50
# A question that takes long is asked less often.
FEWEST_TURNS, QUESTION_SECONDS = 5, 1.0
# p95 at size over that of a small table; of one task while others are removed over that before.
TARGET, RETENTION_TARGET = 1.5, 2.0
# Verbs of `bench.upkeep`, with what the names of their values begin with.
PACES = {"prune": "", "prune-late": "late_"}
SMALL, LARGE = "small", "large"


class Reads(Topic):
    """Each question is asked of both tables in turn, through the API, on one connection each."""

    name: ClassVar[str] = "reads"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._filled: dict[tuple[str, str], FilledDatabase] = {}

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [line for kind in KINDS for line in _lines(kind, sizes)]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        asked = {
            _key(question, kind, caller): f"{question.key}, as {caller}, {kind}, "
            f"{sizes.rows[kind]} rows / {sizes.few_rows}"
            for question in questions()
            for kind in KINDS
            for caller in CALLERS
        }
        stored = {_stored(kind): f"tables and indexes, {kind}" for kind in KINDS}
        return {**asked, **stored, **{_pruned(kind): f"retention, {kind}" for kind in KINDS}}

    def prepare(self) -> None:
        """Fill all tables, those of the two databases side by side."""
        kinds = [kind for kind in KINDS if any(_of(name, kind) for name in self.around.wanted)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._prepare, kinds))

    def _prepare(self, kind: str) -> None:
        for size, rows in ((SMALL, self.sizes.few_rows), (LARGE, self.sizes.rows[kind])):
            made = tables.fill(self.servers, kind, f"reads-{kind}-{size}", rows)
            self._filled[kind, size] = made

    def round(self, number: int) -> Iterator[Outcome]:
        for kind in KINDS:
            if (kind, SMALL) in self._filled:
                try:
                    yield from self._round_of(kind, number)
                except RoundFailed as error:
                    wanted = sorted(name for name in self.around.wanted if _of(name, kind))
                    yield from (Absent(name, str(error), failed=True) for name in wanted)

    def _round_of(self, kind: str, number: int) -> Iterator[Outcome]:
        if number == 1:
            sizes = self._filled[kind, LARGE].megabytes()
            values = {f"{name}_mb": round(size, 1) for name, size in sizes.items()}
            yield Measured(_stored(kind), values)
        with self._served(kind, number) as both:
            yield from self._ask_all(kind, both)
            if number == self.sizes.rounds and self.wants(_pruned(kind)):
                yield self._retention(kind, both[LARGE])

    @contextlib.contextmanager
    def _served(self, kind: str, number: int) -> Iterator[dict[str, Table]]:
        folder = self.around.place(f"reads-{kind}-{number}")
        with contextlib.ExitStack() as stack:
            both = {}
            for size in (SMALL, LARGE):
                made = self._filled[kind, size]
                env = environment_on(self.servers, made.database)
                token = made.database.tokens.user
                api = stack.enter_context(served(OURS, env, token, folder / f"{size}.out"))
                both[size] = Table(api, made.database, made.filled, list(made.ids))
                for caller in CALLERS:
                    look_around(both[size], caller, _token(made.database, caller))
            yield both

    def _ask_all(self, kind: str, both: dict[str, Table]) -> Iterator[Outcome]:
        tokens = self._filled[kind, SMALL].database.tokens
        for question in questions():
            for caller in CALLERS:
                key = _key(question, kind, caller)
                if not self.wants(key):
                    continue
                if question.line == "count" and (wrong := self._miscounts(kind, both, caller)):
                    yield Absent(key, wrong, failed=True)
                    continue
                yield self._ask(question, key, both, caller, getattr(tokens, caller))

    def _ask(
        self, question: Question, key: str, both: dict[str, Table], caller: str, token: str
    ) -> Measured:
        taken: dict[str, list[float]] = {SMALL: [], LARGE: []}
        server = both[LARGE].api.process.pid
        roots = [server, *self.servers.backends(both[LARGE].database)]
        with self.around.watched(key, [server]):
            before = Reading.take(roots)
            for turn in range(self.sizes.asked + 1):
                for size, table in both.items():
                    milliseconds = table.api.time(question.path(table, caller), token)
                    if turn:  # the first fills caches
                        taken[size].append(milliseconds)
                if turn >= FEWEST_TURNS and sum(taken[LARGE]) > 1000 * QUESTION_SECONDS:
                    break
            used = Reading.take(roots).since(before)
        parts = {kind: 1000 * each / (turn + 1) for kind, each in used.items()}
        few, many = percentile(taken[SMALL], 0.95), percentile(taken[LARGE], 0.95)
        values = {
            "small_p50_ms": percentile(taken[SMALL], 0.5),
            "small_p95_ms": few,
            "large_p50_ms": percentile(taken[LARGE], 0.5),
            "large_p95_ms": many,
            "p95_ratio": many / few,
            "excess_ms": many - TARGET * few,
        }
        return Measured(key, {name: round(value, 3) for name, value in values.items()}, parts)

    def _miscounts(self, kind: str, both: dict[str, Table], caller: str) -> str:
        """Empty, or how the API's counts differ from the rows."""
        for size, table in both.items():
            made = self._filled[kind, size]
            rows = made.counts(of_user=caller == "user")
            body, _ = table.api.read(f"{TASKS}count", _token(made.database, caller))
            said = {k: n for k, n in json.loads(body).items() if k != "total" and n}
            if said != rows:
                return f"counts are not exact ({size}, {caller}): {said}, rows: {rows}"
        return ""

    def _retention(self, kind: str, table: Table) -> Outcome:
        """p95 of GETs while a large part of the table is removed, over that before.

        At the pace of every day, which is judged, and at that of an agent that is late.
        """
        body, _ = table.api.read(f"{TASKS}?limit={NEWEST}")
        table.ids = [task["id"] for task in json.loads(body)]
        before = self._watch(table, lambda: True)
        values = {"before_p95_ms": before}
        for number, (verb, name) in enumerate(PACES.items(), 1):
            share = min(0.4 * number, number * self.sizes.retention / table.filled.rows)
            seen = self._while_removed(kind, table, verb, share)
            if isinstance(seen, str):
                return Absent(_pruned(kind), seen, failed=True)
            during, rows_per_second = seen
            values |= {
                f"{name}during_p95_ms": during,
                f"{name}p95_ratio": during / before,
                f"{name}excess_ms": during - RETENTION_TARGET * before,
                f"{name}rows_per_second": rows_per_second,
            }
        return Measured(_pruned(kind), {name: round(value, 3) for name, value in values.items()})

    def _while_removed(
        self, kind: str, table: Table, verb: str, share: float
    ) -> tuple[float, float] | str:
        """p95 of GETs, and rows removed a second; or what went wrong."""
        made = self._filled[kind, LARGE]
        days = (time.time() - made.filled.moment(share)) / 86_400
        env = environment_on(self.servers, made.database, RETENTION_DAYS=f"{days:.4f}")
        rows = _rows(made)
        output = self.around.folder / f"{verb}-{kind}.out"
        process = Process(upkeep.command(verb), env=env, cwd=ROOT, output=output)
        # The start of a process is no part of it.
        wait_until(lambda: process.text() or not process.alive, timeout=60, what="it begins")
        began = time.monotonic()
        during = self._watch(table, lambda: process.alive)
        seconds = time.monotonic() - began
        if process.returncode:
            return f"retention failed:\n{process.tail()}"
        process.stop()
        return during, (rows - _rows(made)) / seconds

    def _watch(self, table: Table, goes_on: Callable[[], bool]) -> float:
        """p95 of GETs for some time, or for as many as it takes, and no longer than it goes on."""
        taken = [self._get(table)]
        until = time.monotonic() + self.sizes.retention_seconds
        while goes_on() and (len(taken) < 10 * self.sizes.asked or time.monotonic() < until):
            time.sleep(0.01)
            taken.append(self._get(table))
        return percentile(taken, 0.95)

    def _get(self, table: Table) -> float:
        """Milliseconds of one GET of one of the newest tasks."""
        return table.api.time(TASKS + random.choice(table.ids))


def _rows(made: FilledDatabase) -> int:
    return sum(made.counts(of_user=False).values())


def _token(database: Database, caller: str) -> str:
    token: Any = getattr(database.tokens, caller)
    return str(token)


def _key(question: Question, kind: str, caller: str) -> str:
    return f"reads-{kind}-{caller}-{question.key}"


def _stored(kind: str) -> str:
    return f"reads-{kind}-stored"


def _pruned(kind: str) -> str:
    return f"reads-{kind}-retention"


def _of(system: str, kind: str) -> bool:
    return system.startswith(f"reads-{kind}-")


def _lines(kind: str, sizes: Sizes) -> list[Line]:
    few = f"at {sizes.few_rows} rows"
    lines = [
        _line(name, kind, f"{meaning} at {sizes.rows[kind]} rows, p95 / that {few}", CALLERS)
        for name, meaning in (
            ("get", "one task"),
            ("list", "lists by each filter"),
            ("page", "first and thousandth page"),
        )
    ]
    count = Line(
        key=f"reads.count.{kind}", meaning="count of an owner's tasks, exact, p95",
        measure="large_p95_ms", pairs=[(f"reads-{kind}-user-count", None)], target=5.0,
        at_most=True,
    )  # fmt: skip
    retention = Line(
        key=f"reads.retention.{kind}", meaning="one task during retention at its usual pace, p95 / before",
        measure="p95_ratio", pairs=[(_pruned(kind), None)],
        target=RETENTION_TARGET, at_most=True,
    )  # fmt: skip
    return [*lines, count, *([retention] if sizes.retention else [])]


def _line(name: str, kind: str, meaning: str, callers: Sequence[str]) -> Line:
    pairs = [
        (_key(question, kind, caller), None)
        for question in questions()
        if question.line == name
        for caller in callers
    ]
    return Line(
        key=f"reads.{name}.{kind}", meaning=meaning, measure="p95_ratio", pairs=pairs,
        target=TARGET,
        at_most=True,
    )  # fmt: skip
