"""The lifecycle's table as SQL conditions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, literal_column, or_

from app.domain.lifecycle import Event, TaskStatus, sources
from app.models import Task


def legal(event: Event) -> ColumnElement[bool]:
    """The statuses from which `event` may happen.

    Written into the statement as constants, not as parameters: a partial index is used only
    where the planner can see that its condition holds.
    """
    return status_in(Task.status, (TaskStatus(status) for status in sources(event)))


def legal_by_key(event: Event) -> ColumnElement[bool]:
    """The same for rows that the statement names by their ids.

    Written so that the planner cannot see the condition of a partial index in it. Such an index is
    nearly empty when its size is taken, so looking through all of it seems cheaper than looking up
    a key; and while somebody's snapshot keeps what is dead it holds every row that was ever in it,
    and each claim and each settlement would step over them all.
    """
    status = Task.status.op("||")(literal_column("''"))
    return status_in(status, (TaskStatus(source) for source in sources(event)))


def status_in(column: Any, statuses: Iterable[TaskStatus]) -> ColumnElement[bool]:
    """The same for any set of statuses, and for the status of another alias of the table."""
    constants = sorted(status.value for status in statuses)
    return or_(*(column == literal_column(f"'{status}'") for status in constants))
