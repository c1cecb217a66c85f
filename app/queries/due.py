"""What there is to do for agents, found by one statement: an idle system should cost next to nothing."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from sqlalchemy import ColumnElement, exists, func, literal, select, union_all
from sqlalchemy.sql.selectable import CompoundSelect

from app.db.clock import now
from app.domain.lifecycle import Event
from app.models import BulkOperation, Queue, SubtaskDelta, Task
from app.queries import bulk, deliveries, dependencies, feed
from app.queries.guards import legal


class Work(StrEnum):
    """Kinds of work. `WAITING` and `BLOCKED` come with the name of a queue."""

    RANKING = "ranking"
    WAITING = "waiting"
    BLOCKED = "blocked"
    DEPENDENTS = "dependents"
    OPERATIONS = "operations"
    DELIVERIES = "deliveries"
    SUBTASKS = "subtasks"
    # Always there: whatever else is found comes with the database's time.
    CLOCK = "clock"


@cache
def look() -> CompoundSelect[str, str, object]:
    """Rows `kind, queue, now` for what there is to do, in any order; one is `Work.CLOCK`.

    A look at the beginning of an index for each, however much there is.
    """
    everywhere: dict[Work, ColumnElement[bool]] = {
        Work.CLOCK: literal(True),
        Work.RANKING: _is_to_be_ranked(),
        Work.DEPENDENTS: dependencies.due(1, lock=False).exists(),
        Work.OPERATIONS: exists().select_from(BulkOperation).where(bulk.running()),
        Work.DELIVERIES: deliveries.any_due(),
        Work.SUBTASKS: exists().select_from(SubtaskDelta),
    }
    parts = [
        select(
            literal(kind.value).label("kind"), literal("").label("queue"), now().label("now")
        ).where(there)
        for kind, there in everywhere.items()
    ]
    waiting = feed.queues_with_waiting().subquery()
    parts += [
        select(literal(Work.WAITING.value), waiting.c.queue, now()),
        select(literal(Work.BLOCKED.value), Queue.name, now()).where(Queue.blocked),
    ]
    return union_all(*parts)


def _is_to_be_ranked() -> ColumnElement[bool]:
    """Whether a scheduled task's or a retry's time has come."""
    soonest = (
        select(func.min(Task.ready_at))
        .where(legal(Event.FEED), Task.rank.is_(None), Task.unmet_deps == 0)
        .scalar_subquery()
    )
    return soonest <= now()
