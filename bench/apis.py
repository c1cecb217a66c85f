"""The endpoints that ours is compared with: nothing at all, and `delay()` without a row.

Plain FastAPI with our body, our answer and our authentication, and nothing else of ours around it:
no middleware, no stricter parsing.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.errors import Unauthorized
from app.core.security import Principal, Scope
from app.db.session import pools
from app.models import Task as TaskRow
from app.schemas import task as schemas
from app.services import identity
from bench import bare

PATH = "/api/v1/tasks/"
SAMPLE = "bench.tasks.sample"
_NOW = datetime.now(UTC)
# The columns that an answer shows and that have no default outside a database.
_ANSWER = TaskRow(
    id=uuid.uuid4(), name="Monthly figures", task_type="report", celery_task_name=SAMPLE,
    args=[60], kwargs={"param": "value"}, queue="default", priority=2, status="pending",
    progress=0.0, celery_id=uuid.uuid4(), attempt=0, tries=0, max_attempts=1, time_limit=3600.0,
    user_id=uuid.uuid4(), depends_on=None, tags=[], created_at=_NOW, updated_at=_NOW, version=1,
)  # fmt: skip


async def _caller(
    given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> Principal:
    try:
        caller = await identity.authenticate(given.credentials)
    except Unauthorized as error:
        raise HTTPException(401, str(error)) from None
    if not caller.has(Scope.TASKS_WRITE):
        raise HTTPException(403, "This needs the scope tasks:write")
    return caller


Caller = Annotated[Principal, Depends(_caller)]


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    bare.app.loader.import_default_modules()
    async with pools():
        yield


def _made() -> FastAPI:
    made = FastAPI(lifespan=_lifespan)
    made.add_api_route("/health/ready", _ready)
    return made


async def _ready() -> dict[str, str]:
    return {"status": "ready"}


noop = _made()
delay = _made()


@noop.post(PATH, status_code=201, response_model=schemas.Task)
async def do_nothing(body: schemas.TaskCreate, caller: Caller) -> TaskRow:
    """Take the body, answer."""
    return _ANSWER


@delay.post(PATH, status_code=201, response_model=schemas.Task)
async def do_delay(body: schemas.TaskCreate, caller: Caller) -> TaskRow:
    """Hand it to Celery.

    On the event loop: a thread for each call, as an endpoint without `async` would have, is slower.
    """
    bare.app.tasks[body.celery_task_name].delay(*body.args, **body.kwargs)
    return _ANSWER
