"""Limits: concurrency and rate of queues, functions and keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from app.api.contract import problems
from app.api.rights import QueuesRead, QueuesWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.models import LimitKind
from app.schemas.common import FunctionName
from app.schemas.limit import Limit, LimitPatch, LimitPut
from app.services import limits as service

router = Router(prefix="/limits", tags=["limits"])
_PATH = "/{kind}/{name}"
Kind = Annotated[LimitKind, Path(description="What it counts.")]
Name = Annotated[
    FunctionName,
    Path(
        description="Of the queue, the function or the key. For a key, one that ends in `*` limits each "
        "key that begins so by itself.",
        examples=["customer:*"],
    ),
]


@router.get("/", response_model=list[Limit])
async def list_limits(
    _: QueuesRead, db: ReadDb, kind: Annotated[LimitKind | None, Query()] = None
) -> list[service.LimitState]:
    """List limits, with what counts against them now."""
    return await service.list_limits(db, kind)


@router.get(_PATH, response_model=Limit, responses=problems(404))
async def get_limit(_: QueuesRead, kind: Kind, name: Name, db: ReadDb) -> service.LimitState:
    """Get one limit."""
    return await service.get_limit(db, kind, name)


@router.put(_PATH, response_model=Limit, responses=problems(409))
async def put_limit(
    caller: QueuesWrite, kind: Kind, name: Name, body: LimitPut, db: Db
) -> service.LimitState:
    """Make or replace a limit. It holds from the answer on, for all workers together."""
    return await service.put_limit(
        db, kind, name, concurrency=body.concurrency, rate=body.rate, by=caller.email
    )


@router.patch(_PATH, response_model=Limit, responses=problems(404))
async def change_limit(
    caller: QueuesWrite, kind: Kind, name: Name, body: LimitPatch, db: Db
) -> service.LimitState:
    """Change a limit. It holds from the answer on."""
    changes = {field: getattr(body, field) for field in body.model_fields_set}
    return await service.change_limit(db, kind, name, changes, by=caller.email)


@router.delete(_PATH, status_code=204, responses=problems(404))
async def delete_limit(_: QueuesWrite, kind: Kind, name: Name, db: Db) -> Response:
    """Lift a limit. A function whose code says `rate_limit` gets that one again."""
    await service.delete_limit(db, kind, name)
    return Response(status_code=204)
