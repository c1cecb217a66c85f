"""What should move: ready rows into the broker, within the window, and from there to a worker."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.broker import BrokerError
from app.core.config import get_settings
from app.db.session import Database
from app.domain.rank import Priority
from app.domain.window import MAX_WINDOW
from app.hints import celery_ids_in
from app.maintenance.invariants.finding import Suspect
from app.maintenance.invariants.times import Times
from app.maintenance.resend import entries_of
from app.queries import invariants as queries
from app.queries import workers as worker_queries

LIMIT = 200
# Automatic windows shrink by a tenth a second while hints of the larger one are still out.
SHRINK = 0.9


@dataclass(slots=True)
class QueueNow:
    """One queue at one moment."""

    name: str
    paused: bool
    window: int
    # Some of its tasks wait for a limit, and the first one may be of those.
    blocked: bool = False
    # Rows in the broker by priority, and seconds since the newest was marked.
    out: dict[int, tuple[int, float]] = field(default_factory=dict)
    # Slots of live workers that serve it and have no attempt.
    idle: int = 0

    @property
    def marked(self) -> int:
        """Rows whose hints are out."""
        return sum(rows for rows, _ in self.out.values())

    def bound(self, level: int | None = None) -> float:
        """Rows of a priority (None: of the freshest one) that the window may have let out."""
        if (fixed := get_settings().dispatch_window) is not None:
            return fixed
        ages = [age for each, (_, age) in self.out.items() if level in (None, each)]
        if not ages:
            return MAX_WINDOW  # the window of then is not known any more
        return min(self.window / SHRINK ** (int(min(ages)) + 2), MAX_WINDOW)


def look(database: Database, times: Times, notes: list[str]) -> list[Suspect]:
    """Everything that waits although nothing holds it up, and what is out beyond the window."""
    found, alive = _queues(database, times)
    suspects = [suspect for queue in found for suspect in _beyond_window(queue)]
    if not alive:
        notes.append("no worker is alive, so nothing is expected to move: taskctl doctor")
        return suspects
    suspects += _not_told(database, times)
    suspects += _unranked(database, times, {queue.name for queue in found if queue.paused})
    for queue in found:
        # The lists are read after the rows: what is published in between is then seen.
        marked = database.execute(queries.marked(queue.name)).all()
        try:
            entries = entries_of(queue.name)
        except BrokerError as error:
            notes.append(f"the broker does not answer ({error}), so what is in it was not seen")
            break
        suspects += _beyond_lists(queue, entries)
        suspects += _not_fed(database, queue, times)
        if marked:
            suspects += _not_taken(queue, marked, entries, times)
            suspects += _lost(queue, marked, entries, times)
    return suspects


def _queues(database: Database, times: Times) -> tuple[list[QueueNow], bool]:
    """Every queue, and whether any worker is alive."""
    found = {
        row.name: QueueNow(row.name, row.paused_at is not None, row.window, row.blocked)
        for row in database.execute(queries.queues()).all()
    }
    for row in database.execute(queries.hints_out()).all():
        if row.queue in found:
            found[row.queue].out[row.level] = row.rows, float(row.newest)
    running = database.execute(queries.running_by_worker()).all()
    busy = {row.worker: row.attempts for row in running}
    workers = database.execute(worker_queries.all_workers(times.silence)).all()
    live = [row for row in workers if row.live]
    for worker in live:
        for name in worker.queues:
            if name in found and not worker.stopping:
                found[name].idle += max(0, worker.slots - busy.get(worker.name, 0))
    return list(found.values()), bool(live)


def _beyond_window(queue: QueueNow) -> list[Suspect]:
    return [
        Suspect(
            "window",
            f"{queue.name}, priority {level}",
            f"{rows} are out, the window is {queue.window}",
        )
        for level, (rows, _) in sorted(queue.out.items())
        if rows > queue.bound(level)
    ]


def _beyond_lists(queue: QueueNow, entries: list[bytes]) -> list[Suspect]:
    if len(entries) <= len(Priority) * queue.bound():
        return []
    detail = f"{len(entries)} messages, the window is {queue.window}"
    return [Suspect("broker_lists", queue.name, detail)]


def _unranked(database: Database, times: Times, paused: set[str]) -> list[Suspect]:
    rows = database.execute(queries.unranked(times.feed, LIMIT)).all()
    return [
        Suspect("not_fed", str(row.id), f"{row.queue}, due for {float(row.waited):.0f} s")
        for row in rows
        if row.queue not in paused
    ]


def _not_told(database: Database, times: Times) -> list[Suspect]:
    """The one whose dependents are to be told next, if none of them is."""
    row = database.execute(queries.first_due()).first()
    if row is None or row.age <= times.tell:
        return []
    left = frozenset(database.execute(queries.not_told(row.id, LIMIT)).column())
    detail = f"finished {float(row.age):.0f} s ago"
    return [Suspect("not_told", str(row.id), detail, times.tell, left)]


def _not_fed(database: Database, queue: QueueNow, times: Times) -> list[Suspect]:
    """The first row of the queue, left behind although fewer are out than slots are idle."""
    if queue.paused or queue.blocked or queue.marked >= queue.idle:
        return []
    row = database.execute(queries.first_waiting(queue.name)).first()
    if row is None or row.waited <= times.feed:
        return []
    detail = f"{queue.name}, ready for {float(row.waited):.0f} s"
    return [Suspect("not_fed", str(row.id), detail)]


def _not_taken(
    queue: QueueNow, marked: Sequence[Any], entries: list[bytes], times: Times
) -> list[Suspect]:
    """Hints that lie in the broker, every one of them, while a worker has a slot to spare."""
    present = celery_ids_in(entries)
    inside = frozenset(row.celery_id for row in marked if row.celery_id in present)
    oldest = max(float(row.age) for row in marked)
    if not (queue.idle and inside and oldest > times.take):
        return []
    detail = f"{len(inside)} tasks, {queue.idle} slots idle, {_since('the oldest', oldest)}"
    return [Suspect("not_taken", queue.name, detail, times.take, inside)]


def _lost(
    queue: QueueNow, marked: Sequence[Any], entries: list[bytes], times: Times
) -> list[Suspect]:
    """Rows that nobody sends again although their hints are gone."""
    present = celery_ids_in(entries)
    lost = [row for row in marked if row.celery_id not in present and row.age > times.resend]
    return [
        Suspect("hint_lost", str(row.id), _since(queue.name, row.age), times.resend, _one(row))
        for row in lost[:LIMIT]
    ]


def _one(row: Any) -> frozenset[uuid.UUID]:
    """A row sent again has another id, and is then no longer the same suspect."""
    return frozenset([row.celery_id])


def _since(what: str, seconds: float) -> str:
    return f"{what}, sent {float(seconds):.0f} s ago"
