"""What the outside may ask of a task. Every verb owns its transaction.

Called by the API and by any code of yours that has a session. `owner` restricts a verb to that
user's tasks, others being as if absent; None restricts nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import events
from app.core.config import get_settings
from app.core.current import attempt_of
from app.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from app.core.text import MAX_MESSAGE, clean
from app.domain.lifecycle import ACTIVE, FINISHED, TaskStatus
from app.models import Task, TaskAttempt, TaskLog
from app.queries import claims
from app.queries import tasks as queries
from app.services import external, listing
from app.services.announcing import tell_after_commit
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue

IDEMPOTENCY_SECONDS = 24 * 3600.0


class CancelOutcome(StrEnum):
    """What a cancel found."""

    REVOKED_NOW = "revoked_now"
    ALREADY_REVOKED = "already_revoked"
    REQUESTED = "requested"
    FINISHED = "finished"
    UNKNOWN = "unknown"


class DeleteOutcome(StrEnum):
    """What a delete found."""

    REMOVED = "removed"
    REQUESTED = "requested"
    UNKNOWN = "unknown"


def as_uuid(task_id: uuid.UUID | str) -> uuid.UUID | None:
    """The id, or None for text that is none."""
    if isinstance(task_id, uuid.UUID):
        return task_id
    try:
        return uuid.UUID(str(task_id))
    except ValueError:
        return None


class TaskService:
    """Verbs on tasks; it has no state, so any number of instances are the same."""

    async def create_task(
        self,
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
        Raises `Invalid` for an unknown function or queue and for arguments that do not fit.
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
        task = await self._insert(db, new)
        tell_after_commit(db, task)
        if commit:
            await db.commit()
        return task, str(task.celery_id)

    async def submit(
        self,
        db: AsyncSession,
        new: NewTask,
        *,
        idempotency_key: str | None = None,
        fingerprint: str = "",
    ) -> tuple[Task, bool]:
        """Accept a task, or find the one that the same key made; the bool says which.

        `fingerprint` is a digest of the request. Raises `Invalid` when the key was used for
        another request within 24 hours.
        """
        if idempotency_key is None:
            task = await self._insert(db, new)
        else:
            owner = str(new.user_id) if new.user_id else "system"
            task = await self._insert(db, new)
            taken = await self._take_key(db, owner, idempotency_key, fingerprint, task.id)
            if not taken:
                await db.rollback()
                return await self._first_of(db, owner, idempotency_key, fingerprint), True
        tell_after_commit(db, task)
        await db.commit()
        return task, False

    async def _insert(self, db: AsyncSession, new: NewTask) -> Task:
        row = build_row(new, catalogue())
        if new.parent_id is not None:
            await self._require_parent(db, new.parent_id, new.user_id)
        task: Task = (await db.scalars(queries.insert_tasks([row]))).one()
        if new.tags:
            await db.execute(queries.insert_tags((task.id, tag) for tag in new.tags))
        return task

    async def _require_parent(
        self, db: AsyncSession, parent_id: uuid.UUID, owner: uuid.UUID | None
    ) -> None:
        if await self._find(db, parent_id, owner) is None:
            message = f"parent_id {parent_id} does not exist"
            raise Invalid(
                message,
                errors=[{"loc": ["body", "parent_id"], "msg": message, "type": "unknown_task"}],
            )

    async def _take_key(
        self, db: AsyncSession, owner: str, key: str, fingerprint: str, task_id: uuid.UUID
    ) -> bool:
        await db.execute(queries.drop_keys(IDEMPOTENCY_SECONDS, owner, key))
        kept = await db.execute(queries.keep_key(owner, key, fingerprint, task_id))
        return kept.first() is not None

    async def _first_of(self, db: AsyncSession, owner: str, key: str, fingerprint: str) -> Task:
        found = (await db.scalars(queries.find_key(owner, key))).first()
        if found is None:
            raise Conflict("The first request with this Idempotency-Key was undone; send it again")
        if found.fingerprint != fingerprint:
            raise Invalid(
                "This Idempotency-Key was used for another request; use a new key",
                code="idempotency_key_reused",
            )
        task = await self._find(db, found.task_id, None)
        if task is None:
            raise Conflict("The task of this Idempotency-Key was deleted; use a new key")
        return task

    async def get_task(
        self, db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
    ) -> Task | None:
        """The task, or None if there is none (or it is somebody else's)."""
        found = as_uuid(task_id)
        return None if found is None else await self._find(db, found, owner)

    async def _find(
        self, db: AsyncSession, task_id: uuid.UUID, owner: uuid.UUID | None
    ) -> Task | None:
        return (await db.scalars(queries.get(task_id, owner))).first()

    async def get_tasks(
        self,
        db: AsyncSession,
        status: TaskStatus | str | None = None,
        task_type: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ) -> list[Task]:
        """Tasks, newest first."""
        wanted = listing.TaskFilter(
            status=() if status is None else (TaskStatus(status),), task_type=task_type
        )
        page = await listing.list_tasks(db, wanted, skip=skip, limit=limit)
        return list(page.tasks)

    async def get_attempts(self, db: AsyncSession, task: Task) -> list[TaskAttempt]:
        """Every attempt so far, oldest first; the latest is read off the task itself."""
        ended = list((await db.scalars(queries.attempts(task.id))).all())
        if task.attempt and task.started_at and (not ended or ended[-1].attempt < task.attempt):
            ended.append(_latest_attempt(task))
        return ended

    async def get_logs(
        self, db: AsyncSession, task_id: uuid.UUID, after_id: int = 0, limit: int = 1000
    ) -> list[TaskLog]:
        """Lines the task logged, oldest first."""
        return list((await db.scalars(queries.logs(task_id, after_id, limit))).all())

    async def cancel_task(
        self, db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
    ) -> bool:
        """Cancel. False if the task is unknown or had already finished."""
        outcome = await self.cancel(db, task_id, owner=owner)
        return outcome in (CancelOutcome.REVOKED_NOW, CancelOutcome.REQUESTED)

    async def cancel(
        self,
        db: AsyncSession,
        task_id: uuid.UUID | str,
        *,
        owner: uuid.UUID | None = None,
        reason: str = "cancelled",
    ) -> CancelOutcome:
        """Revoke a pending task now; tell a running attempt to stop."""
        found = as_uuid(task_id)
        if found is None:
            return CancelOutcome.UNKNOWN
        # Twice: between the two statements a pending task may start and a running one may be
        # given back. More often than that in a few milliseconds it cannot be.
        for _ in range(2):
            if (await db.scalars(queries.cancel_if_pending(found, owner, reason))).first():
                await db.commit()
                events.changed([found])
                return CancelOutcome.REVOKED_NOW
            running = queries.request_cancel_if_running(found, owner, reason)
            if (await db.scalars(running)).first():
                await db.commit()
                events.changed([found])
                events.wake_agents()
                return CancelOutcome.REQUESTED
            task = await self._find(db, found, owner)
            if task is None or task.status in FINISHED:
                break
        status = None if task is None else task.status  # a rollback forgets what was read
        await db.rollback()
        if status is None:
            return CancelOutcome.UNKNOWN
        if status == TaskStatus.REVOKED:
            return CancelOutcome.ALREADY_REVOKED
        return CancelOutcome.FINISHED

    async def delete_task(
        self, db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
    ) -> bool:
        """Delete. False if the task is unknown; a running one goes when it has stopped."""
        return await self.delete(db, task_id, owner=owner) is not DeleteOutcome.UNKNOWN

    async def delete(
        self, db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
    ) -> DeleteOutcome:
        """Remove a task that is not running; tell a running one to stop and remove it then."""
        found = as_uuid(task_id)
        if found is None:
            return DeleteOutcome.UNKNOWN
        for _ in range(2):  # as in cancel
            removed = (await db.execute(queries.remove_if_not_running(found, owner))).first()
            if removed:
                await db.commit()
                events.deleted([(removed.id, removed.user_id)])
                return DeleteOutcome.REMOVED
            if (await db.execute(queries.request_delete_if_running(found, owner))).first():
                await db.commit()
                events.changed([found])
                events.wake_agents()
                return DeleteOutcome.REQUESTED
        await db.rollback()
        return DeleteOutcome.UNKNOWN

    async def retry_task(
        self,
        db: AsyncSession,
        task_id: uuid.UUID | str,
        *,
        owner: uuid.UUID | None = None,
        args: list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> Task:
        """Run a finished task again, as a new task with `retry_of`.

        Raises `NotFound`, `Conflict` while the task is unfinished, `Invalid` for arguments that
        do not fit.
        """
        old = await self.get_task(db, task_id, owner=owner)
        if old is None:
            raise NotFound("No such task")
        if old.status in ACTIVE:
            raise Conflict(
                f"The task is {old.status}; only a finished task can be retried",
                code="not_finished",
            )
        new = NewTask(
            name=old.name,
            task_type=old.task_type,
            celery_task_name=old.celery_task_name,
            args=old.args if args is None else args,
            kwargs=old.kwargs if kwargs is None else kwargs,
            priority=old.priority,
            user_id=old.user_id,
            queue=old.queue if old.queue in catalogue().queues else None,
            max_attempts=old.max_attempts,
            time_limit=old.time_limit,
            soft_time_limit=old.soft_time_limit,
            parent_id=old.parent_id,
            tags=old.tags,
            owner_ref=old.owner_ref,
            retry_of=old.id,
        )
        task, _ = await self.submit(db, new)
        return task

    async def edit(
        self,
        db: AsyncSession,
        task_id: uuid.UUID | str,
        *,
        owner: uuid.UUID | None,
        changes: dict[str, Any],
        if_version: int | None = None,
    ) -> Task:
        """Change `name` and `tags`; while pending also `priority` and `scheduled_at`.

        Raises `NotFound`, `Conflict` for a task that has started, `PreconditionFailed` when the
        task is no longer at `if_version`.
        """
        task = await self.get_task(db, task_id, owner=owner)
        if task is None:
            raise NotFound("No such task")
        written: dict[str, Any] = {
            name: changes[name] for name in ("name", "tags") if name in changes
        }
        statuses = [status.value for status in TaskStatus]
        if "priority" in changes or "scheduled_at" in changes:
            statuses = [TaskStatus.PENDING.value]
            scheduled = changes.get("scheduled_at", task.scheduled_at)
            written |= queries.reschedule_values(
                changes.get("priority", task.priority), scheduled, get_settings().ageing_seconds
            )
            written["scheduled_at"] = scheduled
        statement = queries.edit_if(task.id, statuses, if_version, written)
        edited: Task | None = (await db.scalars(statement)).first()
        if edited is None:
            found_id = task.id  # a rollback forgets what was read
            await db.rollback()
            raise await self._why_not_edited(db, found_id, owner, if_version)
        if "tags" in changes:
            await db.execute(queries.delete_tags(edited.id))
            if changes["tags"]:
                await db.execute(queries.insert_tags((edited.id, tag) for tag in changes["tags"]))
        await db.refresh(edited)
        tell_after_commit(db, edited)
        await db.commit()
        return edited

    async def _why_not_edited(
        self,
        db: AsyncSession,
        task_id: uuid.UUID,
        owner: uuid.UUID | None,
        if_version: int | None,
    ) -> Exception:
        task = await self._find(db, task_id, owner)
        if task is None:
            return NotFound("No such task")
        status, version = task.status, task.version
        await db.rollback()  # a refusal must not leave a transaction open
        if if_version is not None and version != if_version:
            return PreconditionFailed(
                f"The task is at version {version}, not {if_version}; read it again"
            )
        return Conflict(
            f"The task is {status}; priority and scheduled_at can be changed only while it "
            "is pending",
            code="not_pending",
        )

    async def update_task_status(
        self,
        db: AsyncSession,
        task_id: uuid.UUID | str,
        status: TaskStatus | str,
        progress: float | None = None,
        progress_message: str | None = None,
        result: Any = None,
        error: str | None = None,
    ) -> bool:
        """Report on a task; True if the row took it.

        Inside the task itself this is a report of its attempt, fenced by it: progress is
        written at once, and a finished `status` is kept for when the function returns. For
        another task it moves one that runs outside Celery along legal transitions. `progress`
        is percent; what is outside 0 to 100 counts as the nearer end.
        """
        found = as_uuid(task_id)
        if found is None:
            return False
        status = TaskStatus(status)
        if progress is not None:
            progress = min(100.0, max(0.0, float(progress)))
        if progress_message is not None:
            progress_message = clean(progress_message, MAX_MESSAGE)
        own = attempt_of(found)
        if own is None:
            return await external.update_status(
                db, found, status, progress, progress_message, result, error
            )
        if status in FINISHED:
            own.declare(status.value, result, error)
            progress = 100.0 if status is TaskStatus.SUCCEEDED else progress
        parameters = {
            **claims.bind_pairs([(own.task_id, own.celery_id)]),
            "progress": progress,
            "message": progress_message,
        }
        row = (await db.execute(claims.report_progress(), parameters)).first()
        await db.commit()
        if row is not None:
            own.changed()
        return row is not None


task_service = TaskService()


def _latest_attempt(task: Task) -> TaskAttempt:
    return TaskAttempt(
        task_id=task.id,
        attempt=task.attempt,
        celery_id=task.celery_id,
        worker=task.worker,
        started_at=task.started_at,
        ended_at=task.completed_at,
        outcome=task.status,
        error=task.error,
    )
