"""Statements about error groups as people see them: lists, states, the tasks in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Update,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.orm import aliased, defer

from app.db.clock import now
from app.db.plans import aside
from app.domain.lifecycle import TaskStatus
from app.models import EVERYBODY, ErrorGroup, GroupState, Task, TaskFailure
from app.queries.guards import status_in
from app.queries.types import Rows

_KEY = (ErrorGroup.last_seen_at, ErrorGroup.id)


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Which groups. Whatever is None does not restrict, except `owner`: everybody's."""

    owner: uuid.UUID | None = None
    state: GroupState | None = None
    celery_task_name: str | None = None
    type: str | None = None
    # Part of the type or of the latest message.
    q: str | None = None


def newest(
    wanted: GroupFilter, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> Select[ErrorGroup]:
    """Groups without their tracebacks, newest seen first, behind `after`."""
    conditions = list(_conditions(wanted))
    if after is not None:
        # Typed as their columns are: a tuple gives its members no types.
        there = (literal(v, c.type) for v, c in zip(after, _KEY, strict=True))
        conditions.append(tuple_(*_KEY) < tuple_(*there))
    return (
        select(ErrorGroup)
        .options(defer(ErrorGroup.traceback, raiseload=True))
        .where(*conditions)
        .order_by(*(column.desc() for column in _KEY))
        .limit(limit)
    )


def _conditions(wanted: GroupFilter) -> Iterator[ColumnElement[bool]]:
    group = ErrorGroup
    yield _of(wanted.owner)
    if wanted.state is GroupState.OPEN:
        yield group.resolved_at.is_(None)
    if wanted.state is GroupState.RESOLVED:
        yield group.resolved_at.is_not(None)
    if wanted.celery_task_name is not None:
        yield group.celery_task_name == wanted.celery_task_name
    if wanted.type is not None:
        yield group.type == wanted.type
    if wanted.q is not None:
        parts = (group.type, group.message)
        yield or_(*(each.icontains(wanted.q, autoescape=True) for each in parts))


def _of(owner: uuid.UUID | None) -> ColumnElement[bool]:
    return ErrorGroup.owner == (owner or EVERYBODY)


def get(group_id: uuid.UUID, owner: uuid.UUID | None) -> Select[ErrorGroup]:
    """One group."""
    return select(ErrorGroup).where(ErrorGroup.id == group_id, _of(owner))


def resolve_if_open(group_id: uuid.UUID, owner: uuid.UUID | None, by: str) -> Update:
    """Note that it is dealt with: failures until now are no reason to open it again."""
    return (
        update(ErrorGroup)
        .where(ErrorGroup.id == group_id, _of(owner), ErrorGroup.resolved_at.is_(None))
        .values(resolved_at=now(), resolved_by=by, regressed_at=None)
        .returning(ErrorGroup.id)
    )


def reopen_if_resolved(group_id: uuid.UUID, owner: uuid.UUID | None) -> Update:
    """Note that it is not dealt with after all."""
    return (
        update(ErrorGroup)
        .where(ErrorGroup.id == group_id, _of(owner), ErrorGroup.resolved_at.is_not(None))
        .values(resolved_at=None, resolved_by=None)
        .returning(ErrorGroup.id)
    )


def hold(fingerprint: uuid.UUID) -> Select[uuid.UUID]:
    """Everybody's group of a failure, locked: who holds it is the only one to run its tasks again.

    Of the owners' groups each has its own tasks, but an operator runs all of them.
    """
    return (
        select(ErrorGroup.id)
        .where(ErrorGroup.fingerprint == fingerprint, _of(None))
        .with_for_update()
    )


def _affected(fingerprint: uuid.UUID, owner: uuid.UUID | None) -> list[ColumnElement[bool]]:
    own = [] if owner is None else [TaskFailure.user_id == owner]
    return [TaskFailure.task_id == Task.id, TaskFailure.fingerprint == fingerprint, *own]


def tasks_of(
    fingerprint: uuid.UUID, owner: uuid.UUID | None, after: uuid.UUID | None, limit: int
) -> Select[Task]:
    """The tasks that have failed in this way, newest first, behind `after`."""
    behind = [] if after is None else [TaskFailure.task_id < after]
    return (
        select(Task)
        .where(*_affected(fingerprint, owner), *behind)
        .order_by(TaskFailure.task_id.desc())
        .limit(limit)
    )


def to_retry(
    fingerprint: uuid.UUID, owner: uuid.UUID | None, limit: int, after: uuid.UUID | None = None
) -> Rows:
    """`id, size` of those that are still failed and do not run again yet, newest first, behind `after`.

    `size` is the length of the arguments as JSON.
    """
    again = aliased(Task, name="again")
    args, kwargs = (func.length(type_coerce(each, Text())) for each in (Task.args, Task.kwargs))
    behind = [] if after is None else [TaskFailure.task_id < after]
    return (
        select(Task.id, (args + kwargs).label("size"))
        .where(
            *_affected(fingerprint, owner),
            *behind,
            # The failure may be one of several ways in which it has failed, the last or not.
            status_in(aside(Task.status), (TaskStatus.FAILED,)),
            ~exists().where(again.retry_of == Task.id).correlate(Task),
        )
        .order_by(TaskFailure.task_id.desc())
        .limit(limit)
    )


def number_to_retry(fingerprint: uuid.UUID, owner: uuid.UUID | None, most: int) -> Select[int]:
    """How many those are, counted up to `most`."""
    these = to_retry(fingerprint, owner, most).subquery("these")
    return select(func.count()).select_from(these)
