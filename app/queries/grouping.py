"""Statements that count failures in groups: notes taken, failures of tasks, numbers of groups."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Insert,
    Integer,
    Select,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql

from app.db.clock import after
from app.db.lists import one_of
from app.db.upsert import insert as upsert
from app.domain.lifecycle import TaskStatus
from app.models import EVERYBODY, ErrorGroup, FailureNote, Task, TaskAttempt, TaskFailure
from app.queries.guards import status_in
from app.queries.types import DeletedRows, Rows

# What a group shows of its latest failure.
_LATEST = ("message", "traceback", "last_task_id", "last_seen_at")
_has_failed = status_in(Task.status, (TaskStatus.FAILED,))
_may_have_failed = or_(
    Task.attempt > 1, and_(Task.attempt == 1, Task.status != TaskStatus.SUCCEEDED.value)
)


@cache
def notes(limit: int) -> Rows:
    """The oldest notes, each with what is known of its failure.

    `happened` is not true where the task is gone, and for a note of a removal.
    """
    followed = TaskAttempt.task_id.is_not(None)
    last = and_(~followed, _has_failed, Task.attempt == FailureNote.attempt)
    return (
        select(
            FailureNote.id,
            FailureNote.task_id,
            FailureNote.attempt,
            Task.user_id,
            Task.celery_task_name,
            or_(TaskAttempt.failed, last).label("happened"),
            case((followed, TaskAttempt.error), else_=Task.error).label("error"),
            func.coalesce(TaskAttempt.ended_at, Task.completed_at, Task.updated_at).label(
                "failed_at"
            ),
        )
        .join(Task, Task.id == FailureNote.task_id, isouter=True)
        .join(
            TaskAttempt,
            and_(
                TaskAttempt.task_id == FailureNote.task_id,
                TaskAttempt.attempt == FailureNote.attempt,
            ),
            isouter=True,
        )
        .order_by(FailureNote.id)
        .limit(limit)
    )


def take(ids: Sequence[int]) -> DeletedRows:
    """Remove notes; the ids of those that nobody else has taken."""
    return delete(FailureNote).where(FailureNote.id.in_(list(ids))).returning(FailureNote.id)


def counted_failures(task_ids: Sequence[uuid.UUID]) -> Rows:
    """In which ways these tasks have failed, as far as it is counted."""
    failure = TaskFailure
    return select(failure.fingerprint, failure.task_id).where(one_of(failure.task_id, task_ids))


def add_failures() -> postgresql.Insert:
    """Count failures of a task. Parameters: `fingerprint`, `task_id`, `user_id`, `number`."""
    statement = upsert(TaskFailure)
    return statement.on_conflict_do_update(
        index_elements=["fingerprint", "task_id"],
        set_={"number": TaskFailure.number + statement.excluded.number},
    )


def forget_failures(task_ids: Sequence[uuid.UUID]) -> DeletedRows:
    """Count no failure of these tasks any more; what was counted."""
    failure = TaskFailure
    return (
        delete(failure)
        .where(one_of(failure.task_id, task_ids))
        .returning(failure.fingerprint, failure.user_id, failure.number)
    )


def known_groups(keys: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> Rows:
    """The groups of these owners and fingerprints, as far as they exist."""
    columns = (ErrorGroup.owner, ErrorGroup.fingerprint)
    return select(*columns).where(tuple_(*columns).in_(list(keys)))


def number_of_groups(owners: Sequence[uuid.UUID]) -> Rows:
    """How many groups these owners have."""
    owner = ErrorGroup.owner
    return select(owner, func.count()).where(owner.in_(list(owners))).group_by(owner)


def add_to_group() -> postgresql.Insert:
    """Add failures to a group, or make it; one that was resolved before the latest is open again.

    Parameters: every column but those of its state.
    """
    statement = upsert(ErrorGroup)
    group, new = ErrorGroup, statement.excluded
    later = new.last_seen_at >= group.last_seen_at
    back = group.resolved_at < new.last_seen_at
    earlier = new.first_seen_at < group.first_seen_at
    return statement.on_conflict_do_update(
        index_elements=["owner", "fingerprint"],
        set_={
            "failures": group.failures + new.failures,
            "tasks": group.tasks + new.tasks,
            "first_seen_at": case((earlier, new.first_seen_at), else_=group.first_seen_at),
            **{name: case((later, new[name]), else_=getattr(group, name)) for name in _LATEST},
            "regressed_at": case((back, new.last_seen_at), else_=group.regressed_at),
            "resolved_at": case((back, null()), else_=group.resolved_at),
            "resolved_by": case((back, null()), else_=group.resolved_by),
        },
    )


def correct_group() -> Update:
    """Take numbers off a group. Parameters: `of_owner`, `of`, `less_failures`, `less_tasks`."""
    return (
        update(ErrorGroup)
        .where(
            ErrorGroup.owner == bindparam("of_owner", type_=Uuid()),
            ErrorGroup.fingerprint == bindparam("of", type_=Uuid()),
        )
        .values(
            failures=ErrorGroup.failures - bindparam("less_failures", type_=BigInteger()),
            tasks=ErrorGroup.tasks - bindparam("less_tasks", type_=BigInteger()),
        )
    )


def forget_groups(seconds: float) -> Delete:
    """Groups that no task is left of and that nothing has been added to for so long."""
    group = ErrorGroup
    return delete(group).where(group.tasks <= 0, group.last_seen_at < after(-seconds))


# Whether everything is counted


def differences(limit: int) -> Rows:
    """`owner, fingerprint, failures, tasks`: how many too many a group has (or too few), if any.

    One statement, so in one snapshot.
    """
    failure, group = TaskFailure, ErrorGroup
    number, tasks = -func.sum(failure.number), -func.count()
    everybody: ColumnElement[Any] = literal(EVERYBODY, Uuid())
    owner, fingerprint, failures_, tasks_ = (
        union_all(
            select(group.owner, group.fingerprint, group.failures, group.tasks),
            select(everybody, failure.fingerprint, number, tasks).group_by(failure.fingerprint),
            select(failure.user_id, failure.fingerprint, number, tasks)
            .where(failure.user_id.is_not(None))
            .group_by(failure.user_id, failure.fingerprint),
        )
        .subquery("parts")
        .c
    )
    # A sum of bigint is numeric on PostgreSQL.
    sums = [cast(func.sum(each), BigInteger) for each in (failures_, tasks_)]
    return (
        select(
            type_coerce(owner, Uuid()).label("owner"),
            type_coerce(fingerprint, Uuid()).label("fingerprint"),
            sums[0].label("failures"),
            sums[1].label("tasks"),
        )
        .group_by(owner, fingerprint)
        .having(or_(sums[0] != 0, sums[1] != 0))
        .order_by(owner, fingerprint)
        .limit(limit)
    )


def miscounted(start: uuid.UUID, end: uuid.UUID | None, limit: int) -> Select[uuid.UUID]:
    """Tasks behind `start`, up to `end`, of which another number of failures is counted or noted
    than there are, or counted in a group that does not exist.
    """
    page = Task.id > start if end is None else and_(Task.id > start, Task.id <= end)
    followed = select(func.count()).where(TaskAttempt.task_id == Task.id, TaskAttempt.failed)
    counted = select(func.coalesce(func.sum(TaskFailure.number), 0)).where(
        TaskFailure.task_id == Task.id
    )
    noted = select(func.count()).where(
        FailureNote.task_id == Task.id, FailureNote.attempt.is_not(None)
    )
    there, known = [_of_task(followed), case((_failed_last(), 1), else_=0)], [counted, noted]
    is_counted = exists().where(TaskFailure.task_id == Task.id)
    differ = there[0] + there[1] != _of_task(known[0]) + _of_task(known[1])
    return (
        select(Task.id)
        # Most have succeeded at once: of those one look is enough.
        .where(page, or_(_may_have_failed, is_counted), or_(differ, _is_in_no_group()))
        .order_by(Task.id)
        .limit(limit)
    )


def _of_task(number: Select[Any]) -> ColumnElement[int]:
    return cast(number.correlate(Task).scalar_subquery(), Integer)


def _failed_last() -> ColumnElement[bool]:
    """Whether the task failed in its last attempt, and not while it waited for another one."""
    followed = exists().where(TaskAttempt.task_id == Task.id, TaskAttempt.attempt == Task.attempt)
    return and_(_has_failed, Task.attempt > 0, ~followed)


def _is_in_no_group() -> ColumnElement[bool]:
    """Whether a failure of the task is in no group of everybody's, or in none of its owner's."""
    same = ErrorGroup.fingerprint == TaskFailure.fingerprint
    everybodys = exists().where(same, ErrorGroup.owner == EVERYBODY)
    own = exists().where(same, ErrorGroup.owner == TaskFailure.user_id)
    lost = or_(~everybodys, and_(TaskFailure.user_id.is_not(None), ~own))
    return exists().where(TaskFailure.task_id == Task.id, lost)


def locked(tasks: Select[uuid.UUID]) -> Select[uuid.UUID]:
    """The same tasks, and nobody changes them until the transaction ends."""
    return tasks.with_for_update(of=Task)


def left_over(limit: int) -> Select[uuid.UUID]:
    """Tasks that are gone, whose failures are counted and whose removal is not noted."""
    noted = exists().where(
        FailureNote.task_id == TaskFailure.task_id, FailureNote.attempt.is_(None)
    )
    there = exists().where(Task.id == TaskFailure.task_id)
    return select(TaskFailure.task_id).distinct().where(~there, ~noted).limit(limit)


def drop_notes(task_ids: Sequence[uuid.UUID]) -> Delete:
    """Forget which attempts of these tasks have failed and are not counted yet."""
    return delete(FailureNote).where(
        one_of(FailureNote.task_id, task_ids), FailureNote.attempt.is_not(None)
    )


def note_failures(task_ids: Sequence[uuid.UUID]) -> Insert:
    """Note every attempt of these tasks that has failed."""
    followed = select(TaskAttempt.task_id, TaskAttempt.attempt).where(
        one_of(TaskAttempt.task_id, task_ids), TaskAttempt.failed
    )
    last = select(Task.id, Task.attempt).where(one_of(Task.id, task_ids), _failed_last())
    return insert(FailureNote).from_select(["task_id", "attempt"], union_all(followed, last))
