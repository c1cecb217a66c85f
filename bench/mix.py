"""Rows as a system that has run for weeks holds them: a realistic mix, the same in every run.

`python -m bench.mix URL USER ROWS` fills a database, and prints what it holds as JSON.

A few thousand patterns (owner, function, queue, status, tags, ...) are drawn once with a fixed
seed; rows go through them in turn, with ids and times of their own. Seven rows of the table are
rare in everything that can be filtered, however large it is.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.rows import Row, Store

PATTERNS = 5003  # a prime: in step with nothing
AGE_SECONDS = 20 * 86_400.0
RARE_ROWS = 7
RARE = "rare"
NEEDLE = "needle-4711"
RARE_PARENT = uuid.UUID(int=0x4711)
CHUNK = 50_000
_STATUSES = {"succeeded": 900, "failed": 50, "revoked": 20, "pending": 28, "running": 2}
_QUEUES = {"default": 80, "reports": 15, "mail": 5}
_PRIORITIES = {2: 78, 1: 10, 3: 10, 4: 2}
_OWNERS = 200
_USERS_SHARE, _SYSTEM_SHARE = 0.1, 0.05
_TYPES = [f"type-{number}" for number in range(20)]
_FUNCTIONS = [f"company.tasks.module_{number}.run" for number in range(12)]
_TAGS = [f"tag-{number}" for number in range(50)]
_TAGGED_SHARE, _PARENT_SHARE, _REFERENCE_SHARE = 0.3, 0.05, 0.3


@dataclass(frozen=True, slots=True)
class Filled:
    """What a table holds, for questions about it. `oldest` and `newest` are Unix times."""

    rows: int
    oldest: float
    newest: float

    def moment(self, share: float) -> float:
        """The creation time that this share of all rows is older than."""
        return self.oldest + share * (self.newest - self.oldest)


class Mix:
    """The rows of one table, owned in part by the user that asks."""

    def __init__(self, store: Store, user: uuid.UUID, rows: int, now: float) -> None:
        self._store, self._user, self._rows = store, user, rows
        self._begin = now - AGE_SECONDS
        self._step = AGE_SECONDS / rows
        self._random = random.Random(4711)
        self._owners = [self._uuid() for _ in range(_OWNERS)]
        base = store.build("bench.tasks.noop", "mix")
        self._patterns = [self._pattern(base) for _ in range(PATTERNS)]

    def fill(self) -> Filled:
        """Insert everything, in the order of creation."""
        for start in range(0, self._rows, CHUNK):
            numbers = range(start, min(start + CHUNK, self._rows))
            rows = list(self._make(numbers))
            self._store.add("tasks", rows)
            self._store.add("task_tags", _tags(rows))
        return Filled(self._rows, self._begin, self._begin + AGE_SECONDS)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def _pattern(self, base: Row) -> Row:
        pick = self._pick
        tags = self._some_tags()
        status = pick(_STATUSES)
        return {
            **base,
            "name": "Nightly export for customer",
            "task_type": pick(_falling(_TYPES)),
            "celery_task_name": pick(_falling(_FUNCTIONS)),
            "kwargs": json.dumps({"customer": self._random.randrange(10_000), "full": True}),
            "queue": pick(_QUEUES),
            "priority": pick(_PRIORITIES),
            "status": status,
            "user_id": self._owner(),
            "tags": json.dumps(tags),
            **self._outcome(status),
        }

    def _outcome(self, status: str) -> Row:
        if status == "pending":
            # Scheduled for later: nothing takes it out of the mix.
            return {"rank": None}
        begun = {"attempt": 1, "tries": 1, "worker": "worker-1@host"}
        if status == "succeeded":
            return {**begun, "progress": 100.0, "result": json.dumps({"rows": 1234, "ok": True})}
        if status == "failed":
            error = {"type": "ValueError", "message": "no such customer", "traceback": "x" * 600}
            return {**begun, "reason": "error", "error": json.dumps({**error, "attempt": 1})}
        return begun if status == "running" else {"reason": "cancelled"}

    def _owner(self) -> Any:
        drawn = self._random.random()
        if drawn < _SYSTEM_SHARE:
            return None
        if drawn < _SYSTEM_SHARE + _USERS_SHARE:
            return self._store.identity(self._user)
        return self._store.identity(self._pick(_falling(self._owners)))

    def _some_tags(self) -> list[str]:
        if self._random.random() > _TAGGED_SHARE:
            return []
        return sorted({self._pick(_falling(_TAGS)) for _ in range(self._random.randint(1, 3))})

    def _pick(self, weights: Mapping[Any, float]) -> Any:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def _make(self, numbers: Sequence[int]) -> Iterator[Row]:
        store, draw = self._store, self._random.getrandbits
        rare = {round((each + 0.5) * self._rows / RARE_ROWS) for each in range(RARE_ROWS)}
        for number in numbers:
            created = self._begin + self._step * number
            row = dict(self._patterns[number % PATTERNS])
            row["id"] = store.identity(_uuid7(created, draw(74)))
            row["celery_id"] = store.identity(uuid.UUID(int=draw(128), version=4))
            row["name"] = f"{row['name']} {number}"
            self._set_times(row, created)
            share = (number * 7919 % 1000) / 1000
            if share < _REFERENCE_SHARE:
                row["owner_ref"] = f"order-{number // 3}"
            if share > 1 - _PARENT_SHARE:
                row["parent_id"] = store.identity(uuid.UUID(int=number // 10))
            if number in rare:
                self._make_rare(row)
            yield row

    def _set_times(self, row: Row, created: float) -> None:
        moment = self._store.moment
        at = moment(created)
        row["created_at"] = row["updated_at"] = row["ready_at"] = at
        if row["status"] == "pending":
            row["ready_at"] = row["scheduled_at"] = moment(created + 10 * AGE_SECONDS)
            return
        row["dispatched_at"] = at
        if row["status"] == "revoked":
            row["dispatched_at"] = None
            row["completed_at"] = row["updated_at"] = moment(created + 60)
            return
        row["started_at"] = moment(created + 0.5)
        if row["status"] == "running":
            row["lease_until"] = moment(created + 10 * AGE_SECONDS)
        else:
            row["completed_at"] = row["updated_at"] = moment(created + 5)

    def _make_rare(self, row: Row) -> None:
        row["user_id"] = self._store.identity(self._user)
        row["name"] = f"Export {NEEDLE}"
        row["task_type"] = row["celery_task_name"] = row["queue"] = row["owner_ref"] = RARE
        row["parent_id"] = self._store.identity(RARE_PARENT)
        row["tags"] = json.dumps([RARE])


def _tags(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        if row["tags"] != "[]":
            for tag in json.loads(row["tags"]):
                yield {"tag": tag, "task_id": row["id"]}


def _falling(items: Sequence[Any]) -> dict[Any, float]:
    """The first often, the last seldom."""
    return {item: 1 / (place + 1) for place, item in enumerate(items)}


def _uuid7(seconds: float, drawn: int) -> uuid.UUID:
    """An id as the service makes them, of that time; 74 random bits."""
    high = (round(seconds * 1000) << 16) | 0x7000 | (drawn >> 62)
    return uuid.UUID(int=(high << 64) | (0b10 << 62) | (drawn & (2**62 - 1)))


if __name__ == "__main__":
    mix = Mix(Store(sys.argv[1]), uuid.UUID(sys.argv[2]), int(sys.argv[3]), time.time())
    print(json.dumps(asdict(mix.fill())))
