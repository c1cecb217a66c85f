"""Cancel, retry or delete many tasks at once."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.api.contract import problems
from app.api.rights import TasksRead, TasksWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.api.v1.parameters import IdempotencyKey, fingerprint_of, next_link
from app.core.security import Principal
from app.domain.bulk import BulkAction, BulkOutcome, BulkStatus
from app.models import BulkItem, BulkOperation
from app.schemas import bulk_operation as schemas
from app.schemas.common import Limit
from app.services import bulk_operations as service
from app.services.intake import Key
from app.services.listing import TaskFilter

router = Router(tags=["bulk operations"])

# What a thousand tasks may take on a machine that is busy.
MORE_SECONDS = 30.0
_LINK = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}
_LISTED: dict[int | str, dict[str, Any]] = {200: {"headers": _LINK}}
_REPLAYED = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
_ORDERED: dict[str, Any] = {
    "response_model": schemas.BulkOperation | schemas.BulkPreview,
    "responses": {
        200: {
            "description": "It is done; or, with `dry_run`, what it would be about",
            "headers": _REPLAYED,
        },
        202: {
            "description": "More than 1,000 tasks: it goes on, and can be looked at and aborted",
            "model": schemas.BulkOperation,
            "headers": {"Location": {"schema": {"type": "string"}}, **_REPLAYED},
        },
        **problems(409),
    },
}
Cursor = Annotated[UUID | None, Query(description="From the Link header of a page.")]


@router.post("/tasks/bulk/cancel", **_ORDERED)
async def cancel_tasks(
    caller: TasksWrite,
    body: schemas.BulkOrder,
    key: IdempotencyKey,
    request: Request,
    response: Response,
) -> BulkOperation | service.Preview:
    """Cancel many tasks. Waiting ones are revoked, running ones told to stop."""
    return await _ordered(BulkAction.CANCEL, caller, body, key, request, response)


@router.post("/tasks/bulk/retry", **_ORDERED)
async def retry_tasks(
    caller: TasksWrite,
    body: schemas.BulkOrder,
    key: IdempotencyKey,
    request: Request,
    response: Response,
) -> BulkOperation | service.Preview:
    """Run many finished tasks again, each as a new task with `retry_of`."""
    return await _ordered(BulkAction.RETRY, caller, body, key, request, response)


@router.post("/tasks/bulk/delete", **_ORDERED)
async def delete_tasks(
    caller: TasksWrite,
    body: schemas.BulkOrder,
    key: IdempotencyKey,
    request: Request,
    response: Response,
) -> BulkOperation | service.Preview:
    """Delete many tasks. Running ones are told to stop, and go when they have.

    One on which an unfinished task depends stays, unless that one goes as well.
    """
    return await _ordered(BulkAction.DELETE, caller, body, key, request, response)


async def _ordered(
    action: BulkAction,
    caller: Principal,
    body: schemas.BulkOrder,
    key: str | None,
    request: Request,
    response: Response,
) -> BulkOperation | service.Preview:
    order = _order(action, caller, body)
    if body.dry_run:
        return await service.preview(order)
    request.scope["deadline"].extend(MORE_SECONDS)
    fingerprint = fingerprint_of(body, action=action) if key else ""
    operation, replayed = await service.give(order, Key.of(caller.user_id, key, fingerprint))
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if operation.status == BulkStatus.RUNNING:
        response.status_code = 202
        response.headers["Location"] = f"/api/v1/bulk-operations/{operation.id}"
    return operation


def _order(action: BulkAction, caller: Principal, body: schemas.BulkOrder) -> service.Order:
    if body.filter is None:
        return service.Order(action, caller.user_id, caller.owner, ids=body.ids)
    conditions = body.filter.conditions()
    status = tuple(conditions.pop("status", ()))
    return service.Order(
        action,
        caller.user_id,
        caller.owner,
        wanted=TaskFilter(owner=caller.owner, status=status, **conditions),
        shown=body.filter.model_dump(mode="json", exclude_none=True),
    )


@router.get("/bulk-operations", response_model=list[schemas.BulkOperation], responses=_LISTED)
async def list_bulk_operations(
    caller: TasksRead,
    db: ReadDb,
    request: Request,
    response: Response,
    status: Annotated[BulkStatus | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[BulkOperation]:
    """List bulk operations, newest first; operators see everybody's."""
    found = await service.list_operations(
        db, owner=caller.owner, status=status, after_id=cursor, limit=limit + 1
    )
    if len(found) > limit:
        response.headers["Link"] = next_link(request, str(found[limit - 1].id))
    return list(found[:limit])


@router.get(
    "/bulk-operations/{operation_id}",
    response_model=schemas.BulkOperation,
    responses=problems(404),
)
async def get_bulk_operation(caller: TasksRead, operation_id: UUID, db: ReadDb) -> BulkOperation:
    """Get one bulk operation: how far it has come."""
    return await service.get_operation(db, operation_id, owner=caller.owner)


@router.get(
    "/bulk-operations/{operation_id}/items",
    response_model=list[schemas.BulkItem],
    responses={**_LISTED, **problems(404)},
)
async def list_bulk_items(
    caller: TasksRead,
    operation_id: UUID,
    db: ReadDb,
    request: Request,
    response: Response,
    outcome: Annotated[BulkOutcome | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[BulkItem]:
    """List what came of each task of a bulk operation."""
    await service.get_operation(db, operation_id, owner=caller.owner)
    found = await service.list_items(
        db, operation_id, outcome=outcome, after_id=cursor, limit=limit + 1
    )
    if len(found) > limit:
        response.headers["Link"] = next_link(request, str(found[limit - 1].task_id))
    return list(found[:limit])


@router.post(
    "/bulk-operations/{operation_id}/abort",
    response_model=schemas.BulkOperation,
    responses=problems(404, 409),
)
async def abort_bulk_operation(caller: TasksWrite, operation_id: UUID, db: Db) -> BulkOperation:
    """Stop a bulk operation. What it has done stays done; the rest is left as it is."""
    return await service.abort(db, operation_id, owner=caller.owner)
