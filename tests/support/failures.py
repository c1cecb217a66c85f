"""Failures and the groups they are counted in: made, looked at, and compared."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Row, func, select

from app.db.base import dump_json
from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.maintenance import grouping
from app.models import EVERYBODY, ErrorGroup, FailureNote
from app.queries import grouping as queries
from tests.support.world import Pair, World

NOWHERE = uuid.UUID(int=0)


def error(message: str = "no order 17", kind: str = "LookupError", **more: Any) -> dict[str, Any]:
    """The error of an attempt."""
    return {"type": kind, "message": message, "traceback": None, "attempt": 1, **more}


def fail(
    world: World, message: str = "no order 17", kind: str = "LookupError", **fields: Any
) -> Pair:
    """A task that was claimed and has failed, not grouped yet."""
    pair = world.running(**fields)
    told = dump_json(error(message, kind))
    assert world.settle(pair, status=TaskStatus.FAILED, reason="exception", error=told)
    return pair


def group(world: World) -> None:
    """Count everything that is noted."""
    grouping.run_once(world.database, 100_000)


def groups(world: World, owner: uuid.UUID = EVERYBODY) -> list[Row[Any]]:
    """The groups of an owner, by their types."""
    statement = select(ErrorGroup).where(ErrorGroup.owner == owner).order_by(ErrorGroup.type)
    return list(world.database.execute(statement).all())


def numbers(world: World, owner: uuid.UUID = EVERYBODY) -> dict[str, tuple[int, int]]:
    """Failures and tasks by type."""
    return {row.type: (row.failures, row.tasks) for row in groups(world, owner)}


def noted(database: Database) -> int:
    """How many notes wait to be counted."""
    found: int = database.execute(select(func.count(FailureNote.id))).one()[0]
    return found


def disagreements(database: Database) -> list[Any]:
    """Whatever is counted or noted otherwise than it is."""
    return [
        *database.execute(queries.differences(99)).all(),
        *database.execute(queries.miscounted(NOWHERE, None, 99)).all(),
        *database.execute(queries.left_over(99)).all(),
    ]
