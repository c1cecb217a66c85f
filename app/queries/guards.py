"""The lifecycle's table as SQL conditions."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column, or_

from app.domain.lifecycle import Event, sources
from app.models import Task


def legal(event: Event) -> ColumnElement[bool]:
    """The statuses from which `event` may happen.

    Written into the statement as constants, not as parameters: a partial index is used only
    where the planner can see that its condition holds.
    """
    return or_(*(Task.status == literal_column(f"'{status}'") for status in sources(event)))
