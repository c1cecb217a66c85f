"""A system with a past: some people, and as many tasks of theirs as wanted, the same in every run.

`python -m tests.support.crowd ROWS`, in a process whose settings name an empty database. Prints the
people's ids by their emails, as JSON. What the names stand for is a shop: exports, mails, pictures.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.rows import Row, Store

PASSWORD = "correct horse battery"
# An operator, who sees all tasks, users with tasks of their own, and an admin.
ADA, BOB, CAROL, MALLORY, ZOE = (
    f"{name}@example.com" for name in ("ada", "bob", "carol", "mallory", "zoe")
)  # fmt: skip
ROLES = {ADA: "operator", BOB: "user", CAROL: "user", MALLORY: "user", ZOE: "admin"}
AGE_SECONDS = 10 * 86_400.0
LEASE_SECONDS = 200 * 86_400.0
# What runs is few, however much has run. Nothing renews these: their worker is on no machine.
RUNNING_ROWS = 40
WORKERS = ("worker-1@app-1", "worker-1@app-2", "worker-2@app-2")
_STATUSES = {"succeeded": 930, "failed": 25, "revoked": 20, "pending": 25}
_PRIORITIES = {2: 80, 3: 10, 1: 8, 4: 2}
_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Kind:
    """Work of one kind: `{}` in the name is a number, `seconds` its usual time, `share` how often."""

    name: str
    task_type: str
    function: str
    seconds: float
    share: int
    queue: str = "default"
    tags: tuple[str, ...] = ()


KINDS = (
    Kind("Export invoices 2026-{:02}", "export", "shop.invoices.export", 40, 10, "reports", ("finance",)),
    Kind("Send order confirmation {}", "mail", "shop.mail.send_confirmation", 0.4, 40),
    Kind("Send newsletter {}", "mail", "shop.mail.send_newsletter", 8, 8, tags=("marketing",)),
    Kind("Resize pictures of product {}", "media", "shop.pictures.resize", 3, 20),
    Kind("Import price list {}", "import", "shop.prices.read_list", 25, 8, tags=("supplier",)),
    Kind("Recount stock of warehouse {}", "stock", "shop.stock.recount", 15, 6),
    Kind("Monthly figures 2026-{:02}", "report", "shop.figures.monthly", 90, 3, "reports", ("finance", "nightly")),
    Kind("Nightly backup 2026-11-{:02}", "backup", "shop.backup.run", 240, 2, tags=("nightly",)),
    Kind("Sync customers with CRM {}", "sync", "shop.customers.sync", 12, 6, tags=("crm",)),
)  # fmt: skip

_SHARES = [kind.share for kind in KINDS]
# By function: how its tasks fail. The last word of a function is where.
_FAILURES = {
    "shop.mail.send_confirmation": ("ConnectionError", "smtp.example.com:25 does not answer"),
    "shop.mail.send_newsletter": ("SMTPRecipientsRefused", "550 no such mailbox: customer {}"),
    "shop.invoices.export": ("KeyError", "'vat_rate'"),
    "shop.prices.read_list": ("ValueError", "line {}: could not convert string to float: 'n/a'"),
    "shop.pictures.resize": ("UnidentifiedImageError", "cannot identify image file '{}.webp'"),
}
_OTHERWISE = ("TimeoutError", "no answer within 30 s")

_COUNTED = """
INSERT INTO task_deltas (user_id, task_type, celery_task_name, queue, was, now, number,
                         created_at, ready_at, started_at, completed_at)
SELECT user_id, task_type, celery_task_name, queue, NULL, status, 1,
       created_at, ready_at, started_at, completed_at
FROM tasks"""
_NOTED = """
INSERT INTO failure_notes (task_id, attempt)
SELECT id, attempt FROM tasks WHERE status = 'failed' ORDER BY id"""


class Crowd:
    """The rows of one table, oldest first."""

    def __init__(self, store: Store, people: dict[str, uuid.UUID], rows: int, now: float) -> None:
        self._store, self._rows, self._now = store, rows, now
        self._begin, self._step = now - AGE_SECONDS, AGE_SECONDS / rows
        self._random = random.Random(4711)
        self._base = store.build("tests.support.tasks.noop", "crowd")
        owners = [people[email] for email in (ADA, BOB, BOB, CAROL)]
        self._owners = [store.identity(owner) for owner in owners]

    def fill(self) -> None:
        """Insert everything."""
        for start in range(0, self._rows, _CHUNK):
            rows = [self._make(number) for number in range(start, min(start + _CHUNK, self._rows))]
            self._store.add("tasks", rows)
            self._store.add("task_tags", _tags(rows))

    def _make(self, number: int) -> Row:
        kind = self._random.choices(KINDS, _SHARES)[0]
        created = self._begin + self._step * number
        is_running = number >= self._rows - RUNNING_ROWS
        status = "running" if is_running else self._pick(_STATUSES)
        given = {
            "id": self._store.identity(_uuid7(created, self._random.getrandbits(74))),
            "celery_id": self._store.identity(_uuid4(self._random)),
            "name": kind.name.format(1 + number % (12 if "-{" in kind.name else 9973)),
            "task_type": kind.task_type,
            "celery_task_name": kind.function,
            "kwargs": json.dumps({"number": number, "dry_run": False}),
            "queue": kind.queue,
            "priority": self._pick(_PRIORITIES),
            "user_id": self._owners[number % len(self._owners)],
            "tags": json.dumps(list(kind.tags)),
            "owner_ref": f"order-{number // 3}" if kind.task_type == "mail" else None,
            "status": status,
        }
        times = self._times(status, created, kind.seconds * self._random.lognormvariate(0, 0.5))
        return {**self._base, **given, **self._outcome(kind, status), **times}

    def _outcome(self, kind: Kind, status: str) -> Row:
        if status == "pending":
            # For later: nothing takes it out of the crowd.
            return {"rank": None}
        begun = {"attempt": 1, "tries": 1, "worker": self._random.choice(WORKERS)}
        if status == "running":
            done = self._random.randrange(100)
            return {**begun, "progress": done, "progress_message": f"{50 * done:,} of 5,000 rows"}
        if status == "succeeded":
            return {**begun, "progress": 100.0, "result": json.dumps({"rows": 1234, "ok": True})}
        if status == "failed":
            return {**begun, "reason": "exception", "error": json.dumps(self._error(kind.function))}
        return {"reason": "cancelled"}

    def _error(self, function: str) -> Row:
        name, said = _FAILURES.get(function, _OTHERWISE)
        message = said.format(self._random.randrange(10_000))
        path, _, step = function.rpartition(".")
        frames = {"app/worker/task.py": "__call__", f"{path.replace('.', '/')}.py": step}
        lines = "".join(f'  File "/srv/{file}", line 41, in {of}\n' for file, of in frames.items())
        traceback = f"Traceback (most recent call last):\n{lines}{name}: {message}\n"
        return {"type": name, "message": message, "traceback": traceback, "attempt": 1}

    def _times(self, status: str, created: float, lasted: float) -> Row:
        moment = self._store.moment
        at, ended = moment(created), moment(min(created + 0.5 + lasted, self._now))
        times = {"created_at": at, "updated_at": at, "ready_at": at}
        if status == "pending":
            later = moment(created + 5 * AGE_SECONDS)
            return {**times, "ready_at": later, "scheduled_at": later}
        if status == "revoked":
            return {**times, "completed_at": ended, "updated_at": ended}
        times |= {"dispatched_at": at, "started_at": moment(created + 0.5)}
        if status == "running":
            return {**times, "lease_until": moment(created + LEASE_SECONDS)}
        return {**times, "completed_at": ended, "updated_at": ended}

    def _pick(self, weights: dict[Any, int]) -> Any:
        return self._random.choices(list(weights), list(weights.values()))[0]


def _tags(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        for tag in json.loads(row["tags"]):
            yield {"tag": tag, "task_id": row["id"]}


def _uuid4(drawn: random.Random) -> uuid.UUID:
    return uuid.UUID(int=drawn.getrandbits(128), version=4)


def _uuid7(seconds: float, drawn: int) -> uuid.UUID:
    """An id as the service makes them, of that time; 74 random bits."""
    high = (round(seconds * 1000) << 16) | 0x7000 | (drawn >> 62)
    return uuid.UUID(int=(high << 64) | (0b10 << 62) | (drawn & (2**62 - 1)))


def _count(store: Store) -> None:
    """Have statistics and groups of failures as if all of it had happened here."""
    from app.db.session import Database
    from app.maintenance import fold, grouping

    # What the triggers noted of new rows does not say how long they waited and ran.
    store.execute("DELETE FROM task_deltas")
    store.execute(_COUNTED)
    store.execute(_NOTED)
    database = Database()
    while fold.run_once(database, 50_000).left:
        pass
    while grouping.run_once(database, 5_000).left:
        pass
    store.execute("ANALYZE")


async def _people() -> dict[str, uuid.UUID]:
    from app.db.session import async_session
    from app.services import auth

    async with async_session() as db:
        people = {}
        for email, role in ROLES.items():
            people[email] = (await auth.create_user(db, email, role, PASSWORD)).id
        return people


def main(rows: int) -> dict[str, str]:
    """Make everything; the people's ids."""
    from app.core.config import get_settings

    people = asyncio.run(_people())
    store = Store(get_settings().resolved_database_url)
    Crowd(store, people, rows, time.time()).fill()
    _count(store)
    return {email: str(each) for email, each in people.items()}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))  # noqa: T201 - the answer
