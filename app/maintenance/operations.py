"""Bulk operations that were too large for the request that ordered them, or that outlived it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

from app.core.logging import get_logger
from app.db.session import Database, is_transient
from app.maintenance.report import Report
from app.queries import bulk as queries
from app.services import bulk_work

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OperationsReport(Report):
    """`tasks` had their turn."""

    tasks: int = 0


async def run_once(database: Database, limit: int) -> OperationsReport:
    """Do a batch of each of up to `limit` operations, so that a large one holds up no other."""
    look = queries.unfinished(limit)
    ids = await asyncio.to_thread(lambda: database.execute(look).column())
    return OperationsReport(sum([await _advance(each) for each in ids]))


async def _advance(operation_id: uuid.UUID) -> int:
    """A batch. What is wrong with one operation keeps no other from its turn."""
    try:
        return await bulk_work.advance(operation_id)
    except Exception as exc:
        if is_transient(exc):
            raise
        log.exception("bulk_operation_failed", operation=str(operation_id))
        return 0
