"""Accepting tasks: new ones and repeated requests."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, Invalid, TooMany
from app.core.tracing import Span
from app.db import ids
from app.db.session import async_session, read_session
from app.db.turns import turn
from app.models import IdempotencyKey, Task
from app.queries import intake as intake_queries
from app.services import allowance, traces
from app.services.announcing import tell_after_commit
from app.services.building import NewTask, draft, with_times
from app.services.catalogue import catalogue
from app.services.finding import find
from app.services.inserting import KeyTaken, insertion
from app.services.intake import IDEMPOTENCY_SECONDS, Key, Refusal, Row, intake
from app.services.steps import carry_out
from app.services.transactions import undone_if_refused
from app.services.uniqueness import Mode, contended, make_room, stored

_COLUMNS = [column.key for column in Task.__table__.columns]
# How often a new task looks whether its unique key is free, when others take it at that moment.
LOOKS = 5


class Origin(IntEnum):
    """Where the task of an answer comes from. False: the submission has made it."""

    NEW = 0
    REPLAYED = 1  # an earlier request with the same Idempotency-Key
    EXISTING = 2  # it has the same unique_key and is unfinished


async def create_task(
    db: AsyncSession,
    *,
    name: str,
    task_type: str,
    celery_task_name: str,
    args: Sequence[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    priority: int = 2,
    user_id: uuid.UUID | str | None = None,
    commit: bool = True,
    **options: Any,
) -> tuple[Task, str]:
    """Accept a task; returns its row and the id of its first Celery message.

    `options` are the further fields of `NewTask`. With `commit=False` the row belongs to
    the caller's transaction and is dispatched once that commits.
    Raises `Invalid` for an unknown function or queue and for arguments that do not fit, `Conflict`
    for a `unique_key` that an unfinished task has, as far as `unique_mode` does not say otherwise, and
    when as many tasks of the user wait as may.
    """
    new = NewTask(
        name=name,
        task_type=task_type,
        celery_task_name=celery_task_name,
        args=list(args or ()),
        kwargs=kwargs,
        priority=priority,
        user_id=uuid.UUID(user_id) if isinstance(user_id, str) else user_id,
        **options,
    )
    if commit:
        task, _ = await submit(db, new)
    else:
        with traces.submitting() as span:
            row = draft(new, catalogue())
            await allowance.require_room(new.user_id)
            task, _ = await _insert(db, new, row)
            _note(span, task)
        tell_after_commit(db, task)
    return task, str(task.celery_id)


async def accept(
    new: NewTask, *, idempotency_key: str | None = None, fingerprint: str = ""
) -> tuple[Row, Origin]:
    """Accept a task in a transaction that it shares with whoever waits at the same moment.

    Returns its columns, and otherwise does as `submit`. Raises `TooMany` where the user submits too
    fast.
    """
    with traces.submitting() as span:
        row, origin = await _accept(new, idempotency_key, fingerprint)
        traces.note_task(span, row["id"], row["celery_task_name"], row["queue"])
    return row, origin


async def _accept(
    new: NewTask, idempotency_key: str | None, fingerprint: str
) -> tuple[Row, Origin]:
    key = Key.of(new.user_id, idempotency_key, fingerprint)
    try:
        allowance.require_rate(new.user_id)
        row = draft(new, catalogue())
        await allowance.require_room(new.user_id)
    except (Invalid, Conflict, TooMany):
        # What was fit to be accepted then need not be now: a function may be gone, or the room taken.
        if key is None or (first := await _replayed(key)) is None:
            raise
        return first, Origin.REPLAYED
    if new.parent_id is not None or new.depends_on or new.unique_key is not None:
        # They lock other rows, or look at them: nobody else need wait for that.
        return await _accept_alone(new, row, key)
    outcome = await intake().insert(row, key)
    if outcome is Refusal.GO_ALONE:
        return await _accept_alone(new, row, key)
    if outcome is Refusal.KEY_TAKEN:
        assert key is not None
        async with read_session() as db:
            return _columns_of(await _first_of(db, key)), Origin.REPLAYED
    return outcome, Origin.NEW


async def _replayed(key: Key) -> Row | None:
    """The task that an earlier request with the key made, if there was one."""
    async with read_session() as db:
        if not await _is_taken(db, key):
            return None
        return _columns_of(await _first_of(db, key))


async def _accept_alone(new: NewTask, row: Row, key: Key | None) -> tuple[Row, Origin]:
    async with turn(), async_session() as db:
        try:
            task, origin = await _submit(db, new, key, row)
        except IntegrityError:
            # The batch did come off: its answer was lost. Its row, which has this very id, would
            # have been waited for if its commit were still under way.
            await db.rollback()
            kept = await find(db, row["id"], None)
            if kept is None:
                raise
            task, origin = kept, Origin.NEW
        return _columns_of(task), origin


def _columns_of(task: Task) -> Row:
    return {key: getattr(task, key) for key in _COLUMNS}


@undone_if_refused
async def submit(
    db: AsyncSession,
    new: NewTask,
    *,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> tuple[Task, Origin]:
    """Accept a task, or find the one that is there already; the origin says which.

    `fingerprint` is a digest of the request. Raises `Invalid` when the key was used for
    another request within 24 hours, and `Conflict` as `create_task` does.
    """
    key = Key.of(new.user_id, idempotency_key, fingerprint)
    with traces.submitting() as span:
        task, origin = await _submit(db, new, key)
        _note(span, task)
    return task, origin


def _note(span: Span, task: Task) -> None:
    if span.is_recorded:
        traces.note_task(span, task.id, task.celery_task_name, task.queue)


async def _submit(
    db: AsyncSession, new: NewTask, key: Key | None, row: Row | None = None
) -> tuple[Task, Origin]:
    try:
        if row is None:
            row = draft(new, catalogue())
            await allowance.require_room(new.user_id)
        task, origin = await _insert(db, new, row)
    except (Invalid, Conflict):
        # What was fit to be accepted then need not be now: a task that it needs may be gone. And
        # who has its unique key is the task that it made then.
        if key is None or not await _is_taken(db, key):
            raise
        return await _replay(db, key), Origin.REPLAYED
    if key is not None and not await _take_key(db, key, task.id):
        return await _replay(db, key), Origin.REPLAYED
    tell_after_commit(db, task)
    await db.commit()
    return task, origin


async def _insert(db: AsyncSession, new: NewTask, row: Row) -> tuple[Task, Origin]:
    if new.unique_key is None:
        return await _insert_row(db, new, row), Origin.NEW
    key = stored(new.user_id, new.unique_key)
    for _ in range(LOOKS):
        standing = await make_room(db, {key: Mode(new.unique_mode)})
        if standing and (task := await find(db, standing[key], None)) is not None:
            return task, Origin.EXISTING
        with contextlib.suppress(KeyTaken):
            return await _insert_row(db, new, {**row, "unique_key": key}), Origin.NEW
    raise contended()


async def _insert_row(db: AsyncSession, new: NewTask, row: Row) -> Task:
    steps = insertion([with_times(row)], new.may_see, new.parent_id)
    inserted = await carry_out(db, steps)
    task: Task = inserted.rows[0][0]
    ids.learn(task.created_at)
    if inserted.ended:
        await db.refresh(task)
    return task


async def _take_key(db: AsyncSession, key: Key, task_id: uuid.UUID) -> bool:
    statement = intake_queries.take_keys(IDEMPOTENCY_SECONDS)
    kept = await db.execute(statement, {"keys": [key.taken_by(task_id)]})
    return kept.first() is not None


def _taken(key: Key) -> Select[IdempotencyKey]:
    return intake_queries.find_key(key.owner, key.key, IDEMPOTENCY_SECONDS)


async def _is_taken(db: AsyncSession, key: Key) -> bool:
    return (await db.scalars(_taken(key))).first() is not None


async def _replay(db: AsyncSession, key: Key) -> Task:
    """The task of the first request, instead of what this one has begun."""
    await db.rollback()
    first = await _first_of(db, key)
    await db.commit()
    return first


async def _first_of(db: AsyncSession, key: Key) -> Task:
    found = (await db.scalars(_taken(key))).first()
    if found is None:
        raise Conflict("The first request with this Idempotency-Key was undone; send it again")
    if found.fingerprint != key.fingerprint or found.task_id is None:
        raise Invalid(
            "This Idempotency-Key was used for another request; use a new key",
            code="idempotency_key_reused",
        )
    task = await find(db, found.task_id, None)
    if task is None:
        raise Conflict("The task of this Idempotency-Key was deleted; use a new key")
    return task
