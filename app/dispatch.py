"""Row -> hint: the only publisher.

Rows wait in the database; only a window of hints per queue is in the broker. `wake(queue)` says
that something may be ready and returns at once; a thread of this process feeds. One feed is in
flight per process and queue, with a dirty flag for what came meanwhile; between processes the
queue's row is the lock, so two feeders never overshoot the window.

Order matters: mark, commit, publish. A process that dies in between leaves marked rows without
a hint, which resend finds; the other order would let a worker be refused a row that is about to
be marked. A publish that fails takes the marks back under new ids, so a message that arrived
all the same loses at the claim.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from app import events
from app.core import tracing
from app.core.broker import BrokerError, sync_client
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.exchanges import Exchanges
from app.db.prepared import Call
from app.db.session import Database
from app.domain import window as windows
from app.domain.rank import level as level_of
from app.feeder import Feeder, FeedReport
from app.hints import Hint, encode, list_key
from app.packing import Packing
from app.queries import feed as queries
from app.regulation import Regulation, who_else
from app.tour import Tour
from app.void_hints import VoidHints

log = get_logger(__name__)

# So many rows are looked at first: on a quiet system they are all there are.
FEW = 8


@dataclass(frozen=True, slots=True)
class _Marked:
    """What was marked under the lock. `blocked`: rows wait for a limit, None if none was looked at.

    `patient`: what is left to see is not likely to hold anything that may go out.
    """

    size: int
    hints: list[Hint] = field(default_factory=list)
    full: bool = False
    blocked: bool | None = None
    again_seconds: float | None = None
    patient: bool = False

    def report(self, *, published: bool = True) -> FeedReport:
        """It, in numbers."""
        return FeedReport(
            rows=sum(len(hint.rows) for hint in self.hints),
            messages=len(self.hints),
            published=published,
            window=self.size,
            full=self.full,
            again_seconds=self.again_seconds,
            patient=self.patient,
        )


class Dispatcher:
    """Feeds queues. One for each process; `database` must be this process's own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._packing = Packing(database)
        self._broker_failed = False
        self._void = VoidHints(database)
        self._tours: dict[str, Tour] = {}

    def feed(self, queue: str, *, added: bool = True) -> FeedReport:
        """Fill the queue's window once. Raises `SQLAlchemyError` when the database is away.

        Without rows that were `added` just now nothing may wait at all, so it looks before it locks
        the queue. A broker that is away is not an error: the rows wait, unmarked.
        """
        if not added and not self._database.run((queries.is_waiting(), _named(queue)))[0].first():
            return FeedReport()
        if self._broker_failed and not self._broker_answers():
            return FeedReport(published=False)
        marked = self._take(queue)
        if marked.blocked is not None:
            _note_blocked(queue, marked.blocked)
        published = not marked.hints or self._publish(marked.hints, marked.size)
        return marked.report(published=published)

    def _take(self, queue: str) -> _Marked:
        """Mark the best rows that fit."""
        self._packing.learn()
        with self._database.exchanges() as exchanges:
            marked = self._mark(exchanges, queue)
        if marked is None:
            with self._database.transaction() as connection:
                marked = self._mark_regulated(connection, queue)
        return marked

    def _mark(self, exchanges: Exchanges, queue: str) -> _Marked | None:
        """The same where nobody but the window has a say; else None, and nothing is done."""
        settings = get_settings()
        locked, few, out = exchanges.ask(
            (queries.lock_queue(), _named(queue)),
            _waiting(queue, FEW),
            (queries.outstanding(), _named(queue)),
        )
        row = locked.first()
        if row is None:
            return None  # its first use
        size: int = settings.dispatch_window or row.window
        if row.paused_at is not None:
            return _Marked(size, full=True)
        if row.regulated:
            return None
        candidates = few.all()
        if not candidates:
            return _Marked(size)
        outstanding = {each.dispatched_priority: each.hints for each in out.all()}
        now = candidates[0].now_micros
        if len(candidates) == FEW:
            # Nobody behind the first one has more room than it.
            top = level_of(candidates[0].rank, now, settings.ageing_seconds)
            room = size - sum(count for level, count in outstanding.items() if level >= top)
            if room <= 0:
                return _Marked(size, full=True)
            asked = max(room, FEW)
            others, more = exchanges.ask(who_else(candidates[0].user_id), _waiting(queue, asked))
            candidates = more.all()
            # Who has nothing out yet may be behind what has been looked at.
            if len(candidates) == asked and others.column() == [True]:
                return None
        admitted = windows.admit(
            [(candidate.id, candidate.rank) for candidate in candidates],
            outstanding,
            size,
            now,
            settings.ageing_seconds,
        )
        hints = self._put_out(
            queue, admitted, row.slots, lambda calls: exchanges.ask(*calls, ending=True)
        )
        return _Marked(size, hints, full=not hints)

    def _mark_regulated(self, connection: Connection, queue: str) -> _Marked:
        """The same where limits or several owners may have a say."""
        settings = get_settings()
        row = _locked(connection, queue)
        size: int = settings.dispatch_window or row.window
        if row.paused_at is not None:
            return _Marked(size, full=True)
        tour = self._tours.setdefault(queue, Tour())
        regulation = Regulation(connection, queue, size, settings.ageing_seconds, tour)
        choice = regulation.choose()
        hints = self._put_out(
            queue,
            choice.admitted,
            row.slots,
            lambda calls: [connection.execute(*call) for call in calls],
            parked=True,
        )
        regulation.close([each.task_id for hint in hints for each in hint.rows], row)
        again = 0.0 if choice.more or choice.goes_round else choice.seconds
        patient = not hints and not choice.more
        return _Marked(size, hints, not hints, choice.waits, again, patient)

    def _put_out(
        self,
        queue: str,
        admitted: dict[int, list[uuid.UUID]],
        slots: int,
        ask: Callable[[list[Call]], Sequence[Any]],
        *,
        parked: bool = False,
    ) -> list[Hint]:
        """Mark these rows, and make the messages for those that could be."""
        if not admitted:
            return []
        statement = queries.mark(parked=parked)
        levels = sorted(admitted, reverse=True)
        found = ask(
            [
                (statement, {**_named(queue), "ids": admitted[level], "level": level})
                for level in levels
            ]
        )
        hints = []
        for level, answer in zip(levels, found, strict=True):
            marked = {row.id: row for row in answer.all()}
            # RETURNING has no order.
            rows = [marked[each] for each in admitted[level] if each in marked]
            hints += self._packing.hints(queue, level, rows, slots)
        return hints

    def _publish(self, hints: list[Hint], size: int) -> bool:
        prefix = get_settings().broker_key_prefix
        began = time.time_ns()
        try:
            with sync_client().pipeline(transaction=False) as pipe:
                for hint in hints:
                    pipe.lpush(list_key(prefix, hint.queue, hint.level), encode(hint))
                answers = pipe.execute(raise_on_error=False)
        except BrokerError as exc:
            self._take_back(hints, exc)
            return False
        # A broker that is nearly full takes some and refuses others.
        refused = [n for n, answer in enumerate(answers) if isinstance(answer, Exception)]
        if refused:
            self._take_back([hints[n] for n in refused], answers[refused[0]])
            return False
        if self._broker_failed:
            log.info("broker_back")
        self._broker_failed = False
        if tracing.is_on():
            _trace(hints, began)
        # Marked rows never exceed the window, so a list of twice as many is full of void hints.
        crowded = {(h.queue, h.level) for h, n in zip(hints, answers, strict=True) if n > 2 * size}
        for queue, level in crowded:
            self._void.sweep(queue, level)
        return True

    def _take_back(self, hints: list[Hint], cause: Exception) -> None:
        if not self._broker_failed:
            log.warning(
                "broker_takes_nothing",
                error=str(cause),
                cure="tasks are kept and go out when it does again; check CELERY_BROKER_URL, and "
                "its memory if it is full",
            )
        self._broker_failed = True
        pairs = [(row.task_id, row.celery_id) for hint in hints for row in hint.rows]
        self._database.execute(queries.unmark(pairs))

    def _broker_answers(self) -> bool:
        try:
            return bool(sync_client().ping())
        except BrokerError:
            return False


def _trace(hints: Sequence[Hint], began_ns: int) -> None:
    """A span for each message, in the traces of its rows."""
    for hint in hints:
        if not hint.places:
            continue
        facts: tracing.Facts = {
            "messaging.system": tracing.SYSTEM,
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": hint.queue,
            "tasksystem.task.function": hint.function,
            "tasksystem.message.rows": len(hint.rows),
        }
        tracing.done(f"publish {hint.queue}", "client", began_ns, facts, hint.places)


def _locked(connection: Connection, queue: str) -> Any:
    row = connection.execute(queries.lock_queue(), _named(queue)).first()
    if row is None:
        connection.execute(queries.ensure_queue(queue))
        row = connection.execute(queries.lock_queue(), _named(queue)).one()
    return row


def _named(queue: str) -> dict[str, str]:
    return {"queue_name": queue}


def _waiting(queue: str, room: int) -> Call:
    return queries.waiting(), {**_named(queue), "room": room}


_feeder: Feeder | None = None
# Queues of which this process knows that they wait for a limit.
_blocked: set[str] = set()
_guard = threading.Lock()


def _new_feeder() -> Feeder:
    # Marks need not survive a power cut: a row whose mark is lost is fed again.
    database = Database(durable=False)
    dispatcher = Dispatcher(database)
    return Feeder(lambda queue, added: dispatcher.feed(queue, added=added), database.close)


def wake(queue: str, *, added: bool = False) -> None:
    """Something in `queue` may be ready, or has been `added`. Returns at once; never raises."""
    global _feeder
    with _guard:
        if _feeder is None or _feeder.pid != os.getpid():
            _feeder = _new_feeder()
        feeder = _feeder
    feeder.wake(queue, added)


def freed() -> None:
    """A task has ended or gone back: whoever waits for its place under a limit is fed."""
    for queue in tuple(_blocked):
        wake(queue)


def learn_blocked(queues: Iterable[str]) -> None:
    """What the database says about which queues wait for a limit."""
    global _blocked
    _blocked = set(queues)


def _note_blocked(queue: str, blocked: bool) -> None:
    """An agent that does not know yet would feed it only at its next tick."""
    if blocked and queue not in _blocked:
        events.wake_agents()
    (_blocked.add if blocked else _blocked.discard)(queue)


def flush(timeout: float = 2.0) -> None:
    """Wait until this process has fed what it was woken for, at most `timeout` seconds."""
    if _feeder is not None and _feeder.pid == os.getpid():
        _feeder.flush(timeout)


def stop() -> None:
    """End this process's thread, for one that goes on with other settings. `wake` begins anew."""
    global _feeder
    with _guard:
        feeder, _feeder = _feeder, None
    _blocked.clear()
    if feeder is not None and feeder.pid == os.getpid():
        feeder.end()


def _new_guard() -> None:
    global _guard
    _guard = threading.Lock()


# A child forked while another thread held the lock would wait for it for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_guard)
# A script that submits and ends should not leave its tasks to the next tick.
atexit.register(flush)
