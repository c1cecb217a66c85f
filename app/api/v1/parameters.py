"""Query parameters and headers that several endpoints share."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from pydantic import BaseModel, Field

from app.api.rights import TasksRead
from app.core.errors import Invalid
from app.domain.lifecycle import TaskStatus
from app.schemas.common import (
    FunctionName,
    OwnerRef,
    QueryInt,
    QueueName,
    Tag,
    TaskType,
    Time,
)
from app.services.listing import TaskFilter

_VERSION = re.compile(r'(W/)?"?(\d{1,10})"?', re.ASCII)
QueryPriority = Annotated[QueryInt, Field(ge=1, le=4)]
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


async def _filter(
    caller: TasksRead,
    status: Annotated[list[TaskStatus] | None, Query(description="May be repeated.")] = None,
    task_type: Annotated[TaskType | None, Query()] = None,
    celery_task_name: Annotated[FunctionName | None, Query()] = None,
    queue: Annotated[QueueName | None, Query()] = None,
    priority: Annotated[QueryPriority | None, Query(description="1 to 4.")] = None,
    tag: Annotated[Tag | None, Query()] = None,
    owner_ref: Annotated[OwnerRef | None, Query()] = None,
    parent_id: Annotated[UUID | None, Query()] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Part of the name.")
    ] = None,
    created_after: Annotated[Time | None, Query(description="From this time on.")] = None,
    created_before: Annotated[Time | None, Query(description="Before this time.")] = None,
) -> TaskFilter:
    return TaskFilter(
        owner=caller.owner,
        status=tuple(status or ()),
        task_type=task_type,
        celery_task_name=celery_task_name,
        queue=queue,
        priority=priority,
        tag=tag,
        owner_ref=owner_ref,
        parent_id=parent_id,
        q=q,
        created_after=created_after,
        created_before=created_before,
    )


Filter = Annotated[TaskFilter, Depends(_filter)]


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            max_length=200,
            description="The `version` the change is meant for; 412 if it is another.",
        ),
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _VERSION.fullmatch(if_match.strip())
    if match is None or int(match[2]) >= 2**31:
        raise _bad_header("If-Match", 'should be one version, such as "4"')
    return int(match[2])


async def _idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(description="Repeat a request safely: for 24 h the same key gives the same answer."),
    ] = None,
) -> str | None:
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise _bad_header("Idempotency-Key", "should be 1 to 255 visible ASCII characters")
    return idempotency_key


def _bad_header(name: str, message: str) -> Invalid:
    return Invalid(
        f"{name} {message}",
        errors=[{"loc": ["header", name], "msg": message, "type": "header"}],
    )


ViewToken = Annotated[
    str | None, Query(alias="view", description="A view token, instead of the header.")
]
IfMatch = Annotated[int | None, Depends(_if_match)]
IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]


def next_link(request: Request, cursor: str) -> str:
    """The Link header of a page: the same question, going on after the cursor."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "skip")]
    query = urlencode([*kept, ("cursor", cursor)])
    return f'<{request.url.path}?{query}>; rel="next"'


def fingerprint_of(body: BaseModel, **beside: str) -> str:
    """A digest of a request, by which its Idempotency-Key tells it from others."""
    asked = {**body.model_dump(mode="json", exclude_unset=True), **beside}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
