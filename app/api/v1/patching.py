"""What a PATCH of a task asks for: a cancel, an edit, a claim or a report. One at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from app.core.security import Principal, Scope
from app.core.sensitive import told
from app.domain.lifecycle import FINISHED, TaskStatus
from app.models import Task
from app.schemas.task import TaskPatch
from app.services import external
from app.services.task import CancelOutcome, task_service

_EDITS = {"name", "tags", "priority", "scheduled_at"}
_REPORTS = {"attempt", "lease_seconds", "progress", "progress_message", "result", "error"}


def is_claim(patch: TaskPatch) -> bool:
    """Whether an executor wants to take the task."""
    return patch.status is TaskStatus.RUNNING and "attempt" not in patch.model_fields_set


async def apply(
    db: AsyncSession, task: Task, patch: TaskPatch, caller: Principal, if_version: int | None
) -> Task:
    """Do what the patch asks for and return the task as it is then.

    Raises `Invalid` for a mixture, `Forbidden` without the scope, `Conflict` where the state
    does not allow it, `PreconditionFailed` when the task is not at `if_version`.
    """
    given = patch.model_fields_set
    if not given:
        raise Invalid("The body changes nothing", code="empty_patch", errors=[])
    _refuse_nulls(patch)
    if given & _EDITS:
        _alone(given, _EDITS)
        return await _edit(db, task, patch, caller, if_version)
    if patch.status is TaskStatus.REVOKED and "attempt" not in given:
        _alone(given, {"status"})
        return await _cancel(db, task, caller, if_version)
    _need(caller, Scope.TASKS_REPORT)
    if patch.status is TaskStatus.PENDING:
        raise Conflict("A task cannot be set back to pending; retry makes a new one")
    if is_claim(patch):
        _alone(given, {"status", "lease_seconds"})
        return await external.claim(db, task.id, caller.email, _lease(patch), if_version)
    return await _report(db, task, patch, if_version)


async def _edit(
    db: AsyncSession, task: Task, patch: TaskPatch, caller: Principal, if_version: int | None
) -> Task:
    _need(caller, Scope.TASKS_WRITE)
    changes = {name: getattr(patch, name) for name in patch.model_fields_set}
    return await task_service.edit(
        db, task.id, owner=caller.owner, changes=changes, if_version=if_version
    )


async def _cancel(db: AsyncSession, task: Task, caller: Principal, if_version: int | None) -> Task:
    _need(caller, Scope.TASKS_WRITE)
    if if_version is not None and task.version != if_version:
        raise PreconditionFailed(
            f"The task is at version {task.version}, not {if_version}; read it again"
        )
    outcome = await task_service.cancel(db, task.id, owner=caller.owner)
    return await after_cancel(db, task.id, caller, outcome)


async def after_cancel(
    db: AsyncSession, task_id: UUID, caller: Principal, outcome: CancelOutcome
) -> Task:
    """The task after a cancel. Raises `NotFound` or `Conflict` where there was none to cancel."""
    fresh = await task_service.get_task(db, task_id, owner=caller.owner)
    if fresh is None or outcome is CancelOutcome.UNKNOWN:
        raise NotFound("There is no such task")
    await db.refresh(fresh)
    if outcome is CancelOutcome.FINISHED:
        raise Conflict(
            f"The task has already {fresh.status}; only a task that waits or runs can be cancelled",
            code="already_finished",
        )
    return fresh


async def _report(db: AsyncSession, task: Task, patch: TaskPatch, if_version: int | None) -> Task:
    if patch.attempt is None:
        raise Invalid(
            "A report names the attempt it belongs to; a claim's answer has it",
            code="attempt_missing",
            errors=[{"loc": ["body", "attempt"], "msg": "Field required", "type": "missing"}],
        )
    status = patch.status or TaskStatus.RUNNING
    if status not in FINISHED and {"result", "error"} & patch.model_fields_set:
        raise Invalid("result and error go with a finished status", code="not_final", errors=[])
    secrets = external.secrets_of(task)
    return await external.report(
        db,
        task.id,
        patch.attempt,
        lease_seconds=_lease(patch),
        status=status,
        progress=patch.progress,
        progress_message=patch.progress_message and told(patch.progress_message, secrets),
        result=patch.result,
        error=_error(patch, secrets),
        if_version=if_version,
    )


def _error(patch: TaskPatch, secrets: Sequence[str]) -> dict[str, Any] | None:
    if patch.error is None:
        return None
    given = patch.error.model_dump().items()
    shown = {name: value and told(value, secrets) for name, value in given}
    return {**shown, "attempt": patch.attempt}


def _lease(patch: TaskPatch) -> float:
    return patch.lease_seconds or external.DEFAULT_LEASE_SECONDS


def _need(caller: Principal, scope: Scope) -> None:
    if not caller.has(scope):
        raise Forbidden(f"This change needs the scope {scope}", code="scope_missing")


def _alone(given: set[str], allowed: set[str]) -> None:
    if foreign := sorted(given - allowed):
        raise Invalid(
            f"{', '.join(foreign)} cannot be changed together with the rest; send two requests",
            code="mixed_patch",
            errors=[
                {"loc": ["body", name], "msg": "Not together with the rest", "type": "mixed"}
                for name in foreign
            ],
        )


def _refuse_nulls(patch: TaskPatch) -> None:
    # `scheduled_at: null` means at once and `result: null` is a result; the rest have no null.
    nulls = [
        name
        for name in sorted(patch.model_fields_set - {"scheduled_at", "result", "error"})
        if getattr(patch, name) is None
    ]
    if nulls:
        raise Invalid(
            f"{nulls[0]} must not be null",
            errors=[
                {"loc": ["body", name], "msg": "Must not be null", "type": "null"} for name in nulls
            ],
        )
