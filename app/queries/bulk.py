"""Statements about bulk operations and their items."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from app.db.clock import after, now
from app.db.records import Records
from app.domain.bulk import BulkOutcome, BulkStatus
from app.models import BulkItem, BulkOperation
from app.queries.types import DeletedRows

_ITEMS: Any = BulkItem.__table__
_NAMED = ["operation_id", "task_id"]


def visible(owner: uuid.UUID | None) -> ColumnElement[bool]:
    """Restricts to what `owner` has ordered; None restricts nothing."""
    return literal(True) if owner is None else BulkOperation.user_id == owner


def running() -> ColumnElement[bool]:
    """Whether there is something left to do."""
    return BulkOperation.status == literal(BulkStatus.RUNNING.value)


def insert_operation(values: dict[str, Any]) -> Insert:
    """A new operation without tasks."""
    begun = {"status": BulkStatus.RUNNING.value, "total": 0, "done": 0, "outcomes": {}}
    return insert(BulkOperation).values(**begun, **values, created_at=now(), updated_at=now())


@cache
def take_ids() -> Insert:
    """The parameter `items`, each a `task_id`, belongs to the parameter `operation`."""
    given = Records("items", {"task_id": Uuid()})
    chosen = select(bindparam("operation", type_=Uuid()), given["task_id"])
    return insert(_ITEMS).from_select(_NAMED, chosen.select_from(given.table))


def take_tasks(operation_id: uuid.UUID, tasks: Select[uuid.UUID]) -> Insert:
    """These tasks belong to the operation; how many is the result's `rowcount`."""
    ids = tasks.subquery()
    chosen = select(literal(operation_id, Uuid()), *ids.c)
    taken = insert(_ITEMS).from_select(_NAMED, chosen)
    return taken.execution_options(preserve_rowcount=True)


def begin(operation_id: uuid.UUID, total: int) -> ReturningUpdate[BulkOperation]:
    """The operation has so many tasks; with none it is finished."""
    return (
        update(BulkOperation)
        .where(BulkOperation.id == operation_id)
        .values(total=total, **_ended_if(literal(total == 0)))
        .returning(BulkOperation)
    )


def get(operation_id: uuid.UUID, owner: uuid.UUID | None) -> Select[BulkOperation]:
    """One operation."""
    return select(BulkOperation).where(BulkOperation.id == operation_id, visible(owner))


def lock_running(operation_id: uuid.UUID) -> Select[BulkOperation]:
    """An operation that has something left to do; nobody else does it until the commit."""
    running_one = select(BulkOperation).where(BulkOperation.id == operation_id, running())
    return running_one.with_for_update()


@cache
def unfinished(limit: int) -> Select[uuid.UUID]:
    """Operations that have something left to do; those first that have waited the longest."""
    ids = select(BulkOperation.id).where(running())
    return ids.order_by(BulkOperation.updated_at).limit(limit)


def count_large(user_id: uuid.UUID, total: int) -> Select[int]:
    """How many operations of more than `total` tasks somebody has that are not over."""
    large = (BulkOperation.user_id == user_id, BulkOperation.total > total)
    return select(func.count()).select_from(BulkOperation).where(running(), *large)


def list_operations(
    owner: uuid.UUID | None,
    status: BulkStatus | None,
    after_id: uuid.UUID | None,
    limit: int,
) -> Select[BulkOperation]:
    """Operations, newest first, after the one of that id."""
    statement = select(BulkOperation).where(visible(owner))
    if status is not None:
        statement = statement.where(BulkOperation.status == status.value)
    if after_id is not None:
        statement = statement.where(BulkOperation.id < after_id)
    return statement.order_by(BulkOperation.id.desc()).limit(limit)


def next_tasks(
    operation_id: uuid.UUID, reached: uuid.UUID | None, limit: int, *, desc: bool
) -> Select[uuid.UUID]:
    """The tasks of an operation that come after the one it has reached."""
    ids = select(BulkItem.task_id).where(BulkItem.operation_id == operation_id)
    if reached is not None:
        ids = ids.where(BulkItem.task_id < reached if desc else BulkItem.task_id > reached)
    return ids.order_by(BulkItem.task_id.desc() if desc else BulkItem.task_id).limit(limit)


def list_items(
    operation_id: uuid.UUID, outcome: BulkOutcome | None, after_id: uuid.UUID | None, limit: int
) -> Select[BulkItem]:
    """The items of an operation by the ids of their tasks, after the one of that id."""
    statement = select(BulkItem).where(BulkItem.operation_id == operation_id)
    if outcome is not None:
        statement = statement.where(BulkItem.outcome == outcome.value)
    if after_id is not None:
        statement = statement.where(BulkItem.task_id > after_id)
    return statement.order_by(BulkItem.task_id).limit(limit)


@cache
def keep_outcome() -> Update:
    """The parameters `outcome`, `detail` and `new_task` of one item; for many at once."""
    of = and_(
        _ITEMS.c.operation_id == bindparam("operation"), _ITEMS.c.task_id == bindparam("task")
    )
    return (
        update(_ITEMS)
        .where(of)
        .values(
            outcome=bindparam("outcome_"),
            detail=bindparam("detail_"),
            new_task_id=bindparam("new_task_"),
        )
    )


def go_on(operation_id: uuid.UUID, values: dict[str, Any], done: int) -> Update:
    """`done` more tasks have their outcome; with the last one the operation is finished."""
    count = BulkOperation.done + done
    return (
        update(BulkOperation)
        .where(BulkOperation.id == operation_id, running())
        .values(
            **values,
            done=count,
            updated_at=now(),
            **_ended_if(count >= BulkOperation.total),
        )
    )


def _ended_if(over: ColumnElement[bool]) -> dict[str, Any]:
    return {
        "status": case((over, BulkStatus.FINISHED.value), else_=BulkStatus.RUNNING.value),
        "ended_at": case((over, now()), else_=None),
    }


def abort_if_running(
    operation_id: uuid.UUID, owner: uuid.UUID | None
) -> ReturningUpdate[BulkOperation]:
    """Stop an operation: what it has not done it does not do."""
    return (
        update(BulkOperation)
        .where(BulkOperation.id == operation_id, visible(owner), running())
        .values(status=BulkStatus.ABORTED.value, ended_at=now(), updated_at=now())
        .returning(BulkOperation)
    )


def forget_one_ended_before(seconds: float) -> DeletedRows:
    """Remove an operation that ended more than `seconds` ago, with its items."""
    old = select(BulkOperation.id).where(BulkOperation.ended_at < after(-seconds))
    chosen = BulkOperation.id.in_(old.limit(1))
    return delete(BulkOperation).where(chosen).returning(BulkOperation.id)
