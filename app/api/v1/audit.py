"""The audit log."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.api.rights import AuditRead
from app.api.routing import Router
from app.api.sessions import ReadDb
from app.api.v1.parameters import next_link
from app.domain.audit import AuditFilter, Via
from app.models import AuditEntry
from app.schemas import audit as schemas
from app.schemas.common import Limit, Time
from app.services import audit as service

router = Router(prefix="/audit", tags=["audit"])

_LINK = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}


async def _filter(
    user: Annotated[schemas.Who | None, Query(description="An id or an email.")] = None,
    action: Annotated[schemas.Action | None, Query()] = None,
    via: Annotated[Via | None, Query()] = None,
    status: Annotated[
        schemas.Status | None,
        Query(description="`failed` (400 and above), `open` (no end is known), or a status."),
    ] = None,
    since: Annotated[Time | None, Query(alias="from", description="From this time on.")] = None,
    until: Annotated[Time | None, Query(alias="to", description="Before this time.")] = None,
    target: Annotated[
        schemas.Target | None, Query(description="A value of `target`, such as a task's id.")
    ] = None,
) -> AuditFilter:
    return AuditFilter(user, action, via, status, since, until, target)


@router.get("", response_model=list[schemas.AuditEntry], responses={200: {"headers": _LINK}})
async def list_audit_entries(
    _: AuditRead,
    wanted: Annotated[AuditFilter, Depends(_filter)],
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="From the Link header of a page.")] = None,
) -> list[AuditEntry]:
    """List who did what, and how it ended, newest first."""
    found = await service.list_entries(db, wanted, after_id=cursor, limit=limit + 1)
    if len(found) > limit:
        response.headers["Link"] = next_link(request, str(found[limit - 1].id))
    return list(found[:limit])
