"""Statements of checkpoints: the latest state that an attempt of a task has kept."""

from __future__ import annotations

import uuid

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    Text,
    delete,
    exists,
    literal,
    select,
    type_coerce,
)

from app.db.base import RawJson
from app.db.clock import now
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Event, TaskStatus
from app.models import Task, TaskCheckpoint
from app.queries.guards import legal_by_key, status_in
from app.queries.types import InsertedRows, Rows


def keep_if_running(task_id: uuid.UUID, celery_id: uuid.UUID, state: str) -> InsertedRows:
    """Keep `state`, JSON text, in place of what was kept before; no row if the attempt is over.

    The task's row is locked until the commit. Otherwise an attempt that is given up at this very
    moment could still write, and over what its successor has kept by then.
    """
    chosen = (
        select(Task.id, Task.attempt, now(), literal(state, RawJson()))
        .where(Task.id == task_id, Task.celery_id == celery_id, legal_by_key(Event.REPORT))
        .with_for_update(key_share=True)
    )
    names = ["task_id", "attempt", "written_at", "state"]
    kept = upsert(TaskCheckpoint).from_select(names, chosen)
    return kept.on_conflict_do_update(
        index_elements=["task_id"], set_={name: kept.excluded[name] for name in names[1:]}
    ).returning(TaskCheckpoint.attempt)


def state(task_id: uuid.UUID) -> Select[str]:
    """The state that is kept, as JSON text."""
    return select(type_coerce(TaskCheckpoint.state, Text).label("state")).where(
        TaskCheckpoint.task_id == task_id
    )


def get(task_id: uuid.UUID) -> Select[TaskCheckpoint]:
    """What the task keeps; what is left of one that has succeeded is nothing any more."""
    return select(TaskCheckpoint).where(TaskCheckpoint.task_id == task_id, ~_succeeded(task_id))


def written(task_id: uuid.UUID) -> Rows:
    """Which attempt has kept it, and when."""
    return select(TaskCheckpoint.attempt, TaskCheckpoint.written_at).where(
        TaskCheckpoint.task_id == task_id, ~_succeeded(task_id)
    )


def drop_if_succeeded(task_id: uuid.UUID) -> Delete:
    """Forget what a task keeps that nobody will go on from."""
    return delete(TaskCheckpoint).where(TaskCheckpoint.task_id == task_id, _succeeded(task_id))


def _succeeded(task_id: uuid.UUID) -> ColumnElement[bool]:
    return exists().where(Task.id == task_id, status_in(Task.status, [TaskStatus.SUCCEEDED]))
