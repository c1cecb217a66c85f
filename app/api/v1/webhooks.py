"""Webhooks: being told when tasks end."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.api.contract import problems
from app.api.rights import TasksRead, TasksWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.api.v1.parameters import next_link
from app.domain.webhook import DeliveryStatus
from app.models import Webhook, WebhookDelivery
from app.schemas import webhook as schemas
from app.schemas.common import Limit
from app.services import delivery as deliveries
from app.services import webhook as service
from app.services.webhook_message import payload

router = Router(prefix="/webhooks", tags=["webhooks"])

_LINK = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}
_LISTED: dict[int | str, dict[str, Any]] = {200: {"headers": _LINK}}
Cursor = Annotated[UUID | None, Query(description="From the Link header of a page.")]


# Whoever makes a webhook, or points one elsewhere, reads tasks by it: hence both rights.
@router.post(
    "/", status_code=201, response_model=schemas.WebhookWithSecret, responses=problems(409)
)
async def create_webhook(
    caller: TasksWrite, reader: TasksRead, body: schemas.WebhookCreate, db: Db
) -> schemas.WebhookWithSecret:
    """Make a webhook; its secret is shown this once. Needs `tasks:read` as well."""
    new = service.NewWebhook(
        body.url, body.events, body.filter.conditions(), body.scope == "all", body.active
    )
    return _with_secret(*await service.create(db, new, caller))


def _with_secret(webhook: Webhook, secret: str) -> schemas.WebhookWithSecret:
    shown = schemas.Webhook.model_validate(webhook).model_dump()
    return schemas.WebhookWithSecret(**shown, secret=secret)


@router.get("/", response_model=list[schemas.Webhook], responses=_LISTED)
async def list_webhooks(
    caller: TasksRead,
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[Webhook]:
    """List webhooks, newest first; operators see everybody's."""
    found = await service.list_webhooks(db, owner=caller.owner, after_id=cursor, limit=limit + 1)
    if len(found) > limit:
        response.headers["Link"] = next_link(request, str(found[limit - 1].id))
    return list(found[:limit])


@router.get("/{webhook_id}", response_model=schemas.Webhook, responses=problems(404))
async def get_webhook(caller: TasksRead, webhook_id: UUID, db: ReadDb) -> Webhook:
    """Get one webhook."""
    return await service.get(db, webhook_id, owner=caller.owner)


@router.patch("/{webhook_id}", response_model=schemas.Webhook, responses=problems(404))
async def change_webhook(
    caller: TasksWrite, reader: TasksRead, webhook_id: UUID, body: schemas.WebhookPatch, db: Db
) -> Webhook:
    """Change a webhook. Needs `tasks:read` as well."""
    return await service.change(db, webhook_id, body.changes(), owner=caller.owner)


@router.delete("/{webhook_id}", status_code=204, responses=problems(404))
async def delete_webhook(caller: TasksWrite, webhook_id: UUID, db: Db) -> None:
    """Delete a webhook. What it was to be told is not sent any more."""
    await service.delete(db, webhook_id, owner=caller.owner)


@router.post(
    "/{webhook_id}/rotate-secret",
    response_model=schemas.WebhookWithSecret,
    responses=problems(404),
)
async def rotate_secret(caller: TasksWrite, webhook_id: UUID, db: Db) -> schemas.WebhookWithSecret:
    """Give a webhook another secret. For a day the old one is signed with as well."""
    return _with_secret(*await service.rotate_secret(db, webhook_id, owner=caller.owner))


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    response_model=schemas.Delivery,
    responses=problems(404, 409),
)
async def test_webhook(caller: TasksWrite, webhook_id: UUID, db: Db) -> WebhookDelivery:
    """Have a `webhook.ping` sent; the delivery tells what came of it."""
    return await deliveries.test(db, webhook_id, owner=caller.owner)


@router.get(
    "/{webhook_id}/deliveries",
    response_model=list[schemas.Delivery],
    responses={**_LISTED, **problems(404)},
)
async def list_deliveries(
    caller: TasksRead,
    webhook_id: UUID,
    db: ReadDb,
    request: Request,
    response: Response,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[WebhookDelivery]:
    """List what a webhook was told, newest first."""
    found = await deliveries.list_deliveries(
        db, webhook_id, owner=caller.owner, status=status, after_id=cursor, limit=limit + 1
    )
    if len(found) > limit:
        response.headers["Link"] = next_link(request, str(found[limit - 1].id))
    return list(found[:limit])


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    response_model=schemas.DeliveryDetail,
    responses=problems(404),
)
async def get_delivery(
    caller: TasksRead, webhook_id: UUID, delivery_id: UUID, db: ReadDb
) -> schemas.DeliveryDetail:
    """Get one delivery, with its payload."""
    found = await deliveries.get(db, webhook_id, delivery_id, owner=caller.owner)
    shown = schemas.Delivery.model_validate(found).model_dump()
    return schemas.DeliveryDetail(**shown, payload=payload(found))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=schemas.Delivery,
    responses=problems(404, 409),
)
async def replay_delivery(
    caller: TasksWrite, webhook_id: UUID, delivery_id: UUID, db: Db
) -> WebhookDelivery:
    """Have a delivery sent again now, whatever came of it, under the same `webhook-id`."""
    return await deliveries.replay(db, webhook_id, delivery_id, owner=caller.owner)
