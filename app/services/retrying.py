"""Running finished tasks again, each as a new task."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import sensitive
from app.core.errors import Conflict, Invalid, NotFound
from app.domain.lifecycle import ACTIVE
from app.models import Task
from app.queries import dependencies as edges
from app.queries import tasks as queries
from app.queries import uniqueness
from app.services import allowance
from app.services.announcing import tell_all_after_commit
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue
from app.services.depending import RUN
from app.services.finding import get_task
from app.services.inserting import KeyTaken, insertion
from app.services.steps import carry_out
from app.services.submission import submit
from app.services.transactions import undone_if_refused
from app.services.uniqueness import contended, given


@undone_if_refused
async def retry_task(
    db: AsyncSession,
    task_id: uuid.UUID | str,
    *,
    owner: uuid.UUID | None = None,
    args: list[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
) -> Task:
    """Run a finished task again, as a new task with `retry_of`.

    In new arguments a mask stands for the sensitive value that the old task has for that parameter.
    Raises `NotFound`, `Conflict` while the task is unfinished, `Invalid` for arguments that
    do not fit.
    """
    old = await get_task(db, task_id, owner=owner)
    if old is None:
        raise NotFound("No such task")
    if old.status in ACTIVE:
        raise Conflict(
            f"The task is {old.status}; only a finished task can be retried",
            code="not_finished",
        )
    related = await _related(db, [old])
    task, _ = await submit(db, _again(old, related, args, kwargs))
    return task


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a task to be retried: `new_id`, or why there is none.

    `status` is that of the old one, None if it is unknown; `refused` says what does not fit.
    """

    status: str | None = None
    new_id: uuid.UUID | None = None
    refused: str | None = None


async def retry_each(
    db: AsyncSession, ids: Sequence[uuid.UUID], *, owner: uuid.UUID | None
) -> dict[uuid.UUID, Retried]:
    """The same for many, in the caller's transaction, after whose commit they are dispatched.

    One that cannot be retried keeps no other from it.
    """
    old = (await db.scalars(queries.find_all(ids, owner))).all()
    finished = [task for task in old if task.status not in ACTIVE]
    outcomes = dict.fromkeys(ids, Retried()) | {task.id: Retried(task.status) for task in old}
    rows: list[dict[str, Any]] = []
    related = await _related(db, finished)
    taken = await _taken_keys(db, finished)
    for task in finished:
        try:
            await allowance.require_room(task.user_id)
            row = _row(task, related, taken)
        except (Invalid, Conflict) as refused:
            outcomes[task.id] = Retried(task.status, refused=refused.detail)
            continue
        rows.append(row)
        outcomes[task.id] = Retried(task.status, new_id=row["id"])
    if rows:
        try:
            await carry_out(db, insertion(rows, None))
        except KeyTaken:
            raise contended() from None
    tell_all_after_commit(db, {row["id"]: row["queue"] for row in rows})
    return outcomes


def _row(task: Task, related: _Related, taken: set[str]) -> dict[str, Any]:
    if task.unique_key in taken:
        raise Invalid("An unfinished task has its unique_key")
    row = build_row(_again(task, related), catalogue())
    if task.unique_key is not None:
        taken.add(task.unique_key)
        row["unique_key"] = task.unique_key
    return row


@dataclass(frozen=True, slots=True)
class _Related:
    """What tasks need, and which of their parents are there. The former stays until the commit."""

    needed: Mapping[uuid.UUID, Sequence[uuid.UUID]]
    parents: set[uuid.UUID]


async def _related(db: AsyncSession, tasks: Sequence[Task]) -> _Related:
    needed: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for task_id, needs_id in await db.execute(edges.needed_by([task.id for task in tasks])):
        needed[task_id].append(needs_id)
    parents = {task.parent_id for task in tasks if task.parent_id is not None}
    if parents:
        parents = set(await db.scalars(queries.visible(sorted(parents), None)))
    return _Related(needed, parents)


async def _taken_keys(db: AsyncSession, tasks: Sequence[Task]) -> set[str]:
    keys = {task.unique_key for task in tasks if task.unique_key is not None}
    if not keys:
        return set()
    return {holder.unique_key for holder in await db.execute(uniqueness.holders(sorted(keys)))}


def _again(
    old: Task,
    related: _Related,
    args: list[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
) -> NewTask:
    wanted = (old.args if args is None else args, old.kwargs if kwargs is None else kwargs)
    args, kwargs = sensitive.restored(old.celery_task_name, wanted, (old.args, old.kwargs))
    return NewTask(
        name=old.name,
        task_type=old.task_type,
        celery_task_name=old.celery_task_name,
        args=args,
        kwargs=kwargs,
        priority=old.priority,
        user_id=old.user_id,
        queue=old.queue if old.queue in catalogue().queues else None,
        max_attempts=old.max_attempts,
        time_limit=old.time_limit,
        soft_time_limit=old.soft_time_limit,
        # As far as they are there. Asked for by hand, it runs whatever became of what it needs.
        parent_id=old.parent_id if old.parent_id in related.parents else None,
        depends_on=related.needed.get(old.id, ()),
        on_dependency_failure=RUN,
        sees_all=True,
        tags=old.tags,
        owner_ref=old.owner_ref,
        unique_key=given(old.unique_key),
        limit_key=old.limit_key,
        retry_of=old.id,
    )
