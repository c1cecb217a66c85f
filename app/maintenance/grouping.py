"""Counting failures that are the same failure in groups, each in its owner's and in everybody's.

Notes are read, and errors made out, before the transaction: it takes the notes out and writes the sums.
One that dies has done nothing; whatever somebody else has taken meanwhile is left out.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.core.config import get_settings
from app.core.text import MAX_MESSAGE, clean
from app.db.ids import new_id
from app.db.session import Database
from app.domain.fingerprint import MAX_FRAME, MAX_TYPE, Failure, failure_of
from app.maintenance.fold import DAY_SECONDS, counted_under, hold_lock
from app.maintenance.pages import pages
from app.maintenance.report import Report
from app.models import EVERYBODY
from app.queries import grouping as queries

# Characters that a group shows.
MAX_TRACEBACK = 32_768
# Notes of one transaction; the errors that they are about are read with them.
BATCH = 500
# Whoever raises a new type for each task fills a bounded number of groups. What comes after that is
# counted in one group for each function, and crowds nobody else's out.
GROUPS_OF_OWNER = 1000
GROUPS_OF_EVERYBODY = 10_000
# Tasks that are counted anew in one transaction.
PAGE = 5000

Key = tuple[uuid.UUID, uuid.UUID]


@dataclass(frozen=True, slots=True)
class GroupReport(Report):
    """`noted` failures and removals; `left` is 1 when there may be more."""

    noted: int = 0
    left: int = 0

    @property
    def worth_telling(self) -> bool:
        """That it does its work is everyday."""
        return bool(self.left)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt that has failed: by which note that is known, and in which way.

    Whatever an error holds, it can be stored: JSON keeps what a column of text cannot, and one error
    that is refused would hold up all that come after it.
    """

    note: int
    task_id: uuid.UUID
    user_id: uuid.UUID | None
    failed_at: datetime
    failure: Failure
    fingerprint: uuid.UUID
    message: str
    traceback: str | None

    @classmethod
    def of(cls, row: Any) -> _Failed:
        """Of a note."""
        error = row.error if isinstance(row.error, dict) else {}
        failure = failure_of(row.celery_task_name, error)
        message, traceback = error.get("message"), error.get("traceback")
        return cls(
            row.id,
            row.task_id,
            row.user_id,
            row.failed_at,
            failure,
            failure.fingerprint,
            clean(str(message or ""), MAX_MESSAGE),
            None if traceback is None else clean(str(traceback), MAX_TRACEBACK),
        )

    @property
    def keys(self) -> list[Key]:
        """The groups it is counted in."""
        return [(owner, self.fingerprint) for owner in counted_under(self.user_id)]

    def as_other(self) -> _Failed:
        """The same where there is no room for another group."""
        other = self.failure.other
        return replace(self, failure=other, fingerprint=other.fingerprint)


@dataclass(slots=True)
class _Sum:
    """What is to be added to a group."""

    latest: _Failed
    first_seen_at: datetime
    failures: int = 0
    # Those that had not failed in this way before.
    tasks: set[uuid.UUID] = field(default_factory=set)

    def add(self, failed: _Failed) -> None:
        """One failure more."""
        self.failures += 1
        self.first_seen_at = min(self.first_seen_at, failed.failed_at)
        if failed.failed_at >= self.latest.failed_at:
            self.latest = failed

    def as_row(self, owner: uuid.UUID) -> dict[str, Any]:
        """As the statement takes it."""
        latest = self.latest
        return {
            "id": new_id(),
            "owner": owner,
            "fingerprint": latest.fingerprint,
            "type": clean(latest.failure.type, MAX_TYPE),
            "celery_task_name": latest.failure.celery_task_name,
            "frames": [clean(frame, MAX_FRAME) for frame in latest.failure.frames],
            "message": latest.message,
            "traceback": latest.traceback,
            "last_task_id": latest.task_id,
            "failures": self.failures,
            "tasks": len(self.tasks),
            "first_seen_at": self.first_seen_at,
            "last_seen_at": latest.failed_at,
        }


def run_once(database: Database, limit: int) -> GroupReport:
    """Count about `limit` notes, `BATCH` a transaction."""
    noted, more = 0, True
    while noted < limit and more:
        seen = _group(database)
        noted += seen
        more = seen == BATCH
    return GroupReport(noted, int(more))


def _group(database: Database) -> int:
    notes = database.execute(queries.notes(BATCH)).all()
    if not notes:
        return 0
    failed = [_Failed.of(row) for row in notes if row.happened]
    removed = {row.id: row.task_id for row in notes if row.attempt is None}
    with database.transaction() as connection:
        hold_lock(connection)
        taken = set(connection.scalars(queries.take([row.id for row in notes])))
        _add(connection, [each for each in failed if each.note in taken])
        _forget(connection, [task_id for note, task_id in removed.items() if note in taken])
    return len(notes)


def _add(connection: Connection, failed: Iterable[_Failed]) -> None:
    admitted = list(_admitted(connection, list(failed)))
    if not admitted:
        return
    tasks = sorted({each.task_id for each in admitted})
    rows = connection.execute(queries.counted_failures(tasks)).all()
    before = {(row.fingerprint, row.task_id) for row in rows}
    sums: dict[Key, _Sum] = {}
    for each in admitted:
        for key in each.keys:
            total = sums.setdefault(key, _Sum(each, each.failed_at))
            total.add(each)
            if (each.fingerprint, each.task_id) not in before:
                total.tasks.add(each.task_id)
    connection.execute(queries.add_failures(), list(_failures(admitted)))
    # Whoever locks several groups does it in their order.
    groups = [sums[key].as_row(key[0]) for key in sorted(sums)]
    connection.execute(queries.add_to_group(), groups)


def _failures(admitted: Sequence[_Failed]) -> Iterator[dict[str, Any]]:
    owners = {each.task_id: each.user_id for each in admitted}
    numbers = Counter((each.fingerprint, each.task_id) for each in admitted)
    for (fingerprint, task_id), number in sorted(numbers.items()):
        of = {"fingerprint": fingerprint, "task_id": task_id, "user_id": owners[task_id]}
        yield {**of, "number": number}


def _admitted(connection: Connection, failed: Sequence[_Failed]) -> Iterator[_Failed]:
    """The failures, counted with others where a group of their own would be one too many."""
    keys = {key for each in failed for key in each.keys}
    if not keys:
        return
    known = {tuple(row) for row in connection.execute(queries.known_groups(sorted(keys))).all()}
    owners = sorted({owner for owner, _ in keys - known})
    found = connection.execute(queries.number_of_groups(owners)).all() if owners else ()
    numbers = Counter({row[0]: row[1] for row in found})
    for each in failed:
        new = [key for key in each.keys if key not in known]
        # One owner cannot use everybody's up: what is "(other)" to its owner is so to all.
        if any(numbers[owner] >= _most(owner) for owner, _ in new):
            yield each.as_other()
            continue
        known.update(new)
        numbers.update(owner for owner, _ in new)
        yield each


def _most(owner: uuid.UUID) -> int:
    return GROUPS_OF_EVERYBODY if owner == EVERYBODY else GROUPS_OF_OWNER


def _forget(connection: Connection, task_ids: Sequence[uuid.UUID]) -> None:
    """The failures of these tasks are counted no more."""
    if not task_ids:
        return
    failures: Counter[Key] = Counter()
    tasks: Counter[Key] = Counter()
    for row in connection.execute(queries.forget_failures(task_ids)).all():
        for owner in counted_under(row.user_id):
            failures[owner, row.fingerprint] += row.number
            tasks[owner, row.fingerprint] += 1
    _correct(connection, [(key, failures[key], tasks[key]) for key in sorted(tasks)])


def _correct(connection: Connection, less: Iterable[tuple[Key, int, int]]) -> None:
    rows = [
        {"of_owner": owner, "of": of, "less_failures": failures, "less_tasks": tasks}
        for (owner, of), failures, tasks in less
    ]
    if rows:
        connection.execute(queries.correct_group(), rows)


def forget(database: Database) -> None:
    """Remove groups that no task has been in for the time that finished tasks are kept."""
    days = get_settings().retention_days
    if not days:
        return
    # No group may go while a failure is about to be added to it.
    with database.transaction() as connection:
        hold_lock(connection)
        connection.execute(queries.forget_groups(days * DAY_SECONDS))


def recount(database: Database) -> int:
    """Count failures anew, where groups and tasks disagree; returns of how many tasks and groups.

    The system may run meanwhile.
    """
    anew = sum(_count_anew(database, *page) for page in pages(database, PAGE))
    while removed := _forget_left_over(database):
        anew += removed
    with database.transaction() as connection:
        hold_lock(connection)
        wrong = connection.execute(queries.differences(1_000_000)).all()
        less = [((row.owner, row.fingerprint), row.failures, row.tasks) for row in wrong]
        _correct(connection, sorted(less))
    while run_once(database, BATCH).left:
        pass
    return anew + len(wrong)


def _count_anew(database: Database, start: uuid.UUID, end: uuid.UUID | None) -> int:
    wrong = queries.miscounted(start, end, PAGE)
    if not database.execute(wrong).all():
        return 0
    with database.transaction() as connection:
        hold_lock(connection)
        # Locked, so that none of them fails once more in between.
        ids = connection.execute(queries.locked(wrong)).scalars().all()
        connection.execute(queries.drop_notes(ids))
        _forget(connection, ids)
        connection.execute(queries.note_failures(ids))
    return len(ids)


def _forget_left_over(database: Database) -> int:
    with database.transaction() as connection:
        hold_lock(connection)
        ids = connection.execute(queries.left_over(PAGE)).scalars().all()
        _forget(connection, ids)
    return len(ids)
