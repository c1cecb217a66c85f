"""Submissions that wait at the same moment share one INSERT and one COMMIT.

There is no delay to gather them: a batch is what came in while the previous one was committed, and
one that finds nobody waiting goes at once. Whatever goes wrong with a batch, its members are told
to go alone, so that none suffers from its neighbours; whoever gave up while it waited is left out.
"""

from __future__ import annotations

import asyncio
import enum
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app import dispatch, events
from app.core import tracing
from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.text import first_line
from app.db import ids
from app.db.session import limit_lock_waits, writing
from app.db.turns import turn
from app.models import Task
from app.queries import intake as queries
from app.queries import removal
from app.queries.tasks import BORN

IDEMPOTENCY_SECONDS = 24 * 3600.0
MAX_ROWS = 500
MAX_BYTES = 4 << 20
# A batch that takes longer than this is not waited for: the next one goes beside it.
SLOW_SECONDS = 0.5
# A key that another process is about to take is waited for alone, not by the whole batch.
LOCK_SECONDS = 0.2
_log = get_logger(__name__)

Row = dict[str, Any]
_NEW: Row = {**dict.fromkeys(Task.__table__.columns.keys()), **BORN}


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An idempotency key, and what the request was that came with it."""

    owner: str
    key: str
    fingerprint: str = field(compare=False)

    @classmethod
    def of(cls, user_id: uuid.UUID | None, key: str | None, fingerprint: str) -> Key | None:
        """The key of a user's request, or of the system's, if it came with one."""
        return None if key is None else cls(str(user_id or "system"), key, fingerprint)

    def taken_by(self, task_id: uuid.UUID) -> Row:
        """The record of it."""
        return self._record(task_id=task_id)

    def taken_by_all(self, ids: Iterable[uuid.UUID]) -> Row:
        """The record of it when it stands for many tasks."""
        return self._record(task_ids=[str(each) for each in ids])

    def _record(self, task_id: uuid.UUID | None = None, task_ids: list[str] | None = None) -> Row:
        return {
            "owner": self.owner,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "task_id": task_id,
            "task_ids": task_ids,
        }


class Refusal(enum.Enum):
    """Why a row is not there."""

    KEY_TAKEN = "another request has taken the key"
    GO_ALONE = "the batch did not come off, or nobody knows whether it did"


@dataclass(eq=False, slots=True)
class _Waiting:
    row: Row
    key: Key | None
    done: asyncio.Future[Row | Refusal]

    def tell(self, outcome: Row | Refusal) -> None:
        # Whoever gave up has cancelled it.
        if not self.done.done():
            self.done.set_result(outcome)


@dataclass(slots=True)
class _Batch:
    """Rows to insert; followers want a key that one of these takes first."""

    members: list[_Waiting] = field(default_factory=list)
    followers: list[_Waiting] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return [each.row for each in self.members]

    @property
    def tags(self) -> list[Row]:
        return [{"task_id": row["id"], "tag": tag} for row in self.rows for tag in row["tags"]]

    @property
    def keys(self) -> list[Row]:
        wanted = sorted((each.key, each.row["id"]) for each in self.members if each.key)
        return [key.taken_by(task_id) for key, task_id in wanted]


class Intake:
    """The queue of one event loop."""

    def __init__(self) -> None:
        self._queue: deque[_Waiting] = deque()
        self._current: asyncio.Task[None] | None = None
        # The loop keeps only weak references.
        self._tasks: set[asyncio.Task[None]] = set()

    async def insert(self, row: Row, key: Key | None = None) -> Row | Refusal:
        """The row as it was committed, or why it was not."""
        waiting = _Waiting(row, key, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._start()
        return await waiting.done

    def _start(self) -> None:
        if self._current is None:
            self._current = asyncio.create_task(self._drain())
            self._tasks.add(self._current)
            self._current.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        me = asyncio.current_task()
        loop = asyncio.get_running_loop()
        while self._current is me and (batch := self._take()).members:
            slow = loop.call_later(SLOW_SECONDS, self._go_on_beside, me)
            await _commit(batch)
            slow.cancel()
        if self._current is me:
            self._current = None

    def _go_on_beside(self, slow: asyncio.Task[None] | None) -> None:
        if self._current is slow:
            self._current = None
            if self._queue:
                self._start()

    def _take(self) -> _Batch:
        batch, keys, size = _Batch(), set[Key](), 0
        while self._queue and len(batch.members) < MAX_ROWS and size < MAX_BYTES:
            waiting = self._queue.popleft()
            if waiting.done.done():
                continue
            if waiting.key is None or waiting.key not in keys:
                batch.members.append(waiting)
                size += waiting.row["size"]
            else:
                batch.followers.append(waiting)
            if waiting.key is not None:
                keys.add(waiting.key)
        return batch


async def _commit(batch: _Batch) -> None:
    outcomes: dict[Any, Row | Refusal] = {}
    otherwise = Refusal.GO_ALONE
    try:
        # Whoever has begun the batch is only one of those that it is for.
        with tracing.on_behalf("store", (row["trace_context"] for row in batch.rows)):
            kept = await _insert(batch)
        _announce(kept)
        outcomes = {row["id"]: row for row in kept}
        otherwise = Refusal.KEY_TAKEN
    except Exception as exc:  # noqa: BLE001 - each member meets its own error when it goes alone
        _log.info("batch_undone", rows=len(batch.members), error=first_line(exc))
    for each in batch.members:
        each.tell(outcomes.get(each.row["id"], otherwise))
    for each in batch.followers:
        each.tell(otherwise)


async def _insert(batch: _Batch) -> list[Row]:
    """The rows that were committed."""
    rows, tags, keys = batch.rows, batch.tags, batch.keys
    statement = queries.insert_drafts_returning(tuple(rows[0]), get_settings().ageing_seconds)
    async with turn(), writing(single=not (tags or keys)) as connection:
        if keys:
            await limit_lock_waits(connection, LOCK_SECONDS)
        made = (await connection.execute(statement, {"rows": rows})).all()
        if tags:
            await connection.execute(queries.insert_tags(), {"tags": tags})
        lost = await _lost(connection, keys) if keys else set()
    ids.learn(made[0].created_at)
    times = {row.id: row for row in made}
    return [_whole(row, times[row["id"]]) for row in rows if row["id"] not in lost]


async def _lost(connection: AsyncConnection, keys: Sequence[Row]) -> set[Any]:
    """Take the keys, and remove the rows whose keys somebody else has."""
    statement = queries.take_keys(IDEMPOTENCY_SECONDS)
    taken = set((await connection.execute(statement, {"keys": keys})).scalars())
    lost = {each["task_id"] for each in keys} - taken
    if lost:
        await connection.execute(removal.remove_new(sorted(lost)))
    return lost


def _whole(row: Row, made: Any) -> Row:
    return {
        **_NEW,
        **row,
        "scheduled_at": made.scheduled_at,
        "created_at": made.created_at,
        "updated_at": made.created_at,
    }


def _announce(rows: Iterable[Row]) -> None:
    for queue in sorted({row["queue"] for row in rows}):
        dispatch.wake(queue, added=True)
    events.changed(row["id"] for row in rows)


_intakes: dict[asyncio.AbstractEventLoop, Intake] = {}


def intake() -> Intake:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _intakes:
        _intakes.clear()
        _intakes[loop] = Intake()
    return _intakes[loop]
