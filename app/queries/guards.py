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


def status_in(column: Any, statuses: Iterable[TaskStatus]) -> ColumnElement[bool]:
    """The same for any set of statuses, and for the status of another alias of the table."""
    constants = sorted(status.value for status in statuses)
    return or_(*(column == literal_column(f"'{status}'") for status in constants))
