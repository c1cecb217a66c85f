"""Rows -> messages: which of those that are handed out travel in one, and what it says.

One row a message, or a slice of rows of one function, where they are known to be short.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from app.core import redact, sensitive
from app.core.config import get_settings
from app.db.session import Database
from app.domain import window as windows
from app.hints import Hint, HintRow
from app.queries import feed as queries

RUNTIMES_AGE_SECONDS = 5.0
REPR_LENGTH = 256


class Packing:
    """Makes the hints of one process's feed; `database` must be this process's own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runtimes: dict[str, windows.Runtime] = {}
        self._runtimes_read_at = 0.0

    def learn(self) -> None:
        """Read how long functions run, if that was some seconds ago."""
        if time.monotonic() - self._runtimes_read_at > RUNTIMES_AGE_SECONDS:
            (found,) = self._database.run((queries.runtimes_values(), {}))
            self._runtimes = {
                row.celery_task_name: windows.Runtime(
                    row.samples, row.mean_seconds, row.peak_seconds
                )
                for row in found.all()
            }
            self._runtimes_read_at = time.monotonic()

    def hints(self, queue: str, level: int, rows: Sequence[Any], slots: int) -> list[Hint]:
        """The messages for marked rows of one queue and priority, in their order."""
        kinds = [(row.celery_task_name, row.burst) for row in rows]
        sizes = {
            (name, burst): (windows.burst_size if burst else windows.slice_size)(
                self._runtimes.get(name), len(rows), slots
            )
            for name, burst in set(kinds)
        }
        return [_hint(queue, level, part) for part in windows.group(rows, kinds, sizes)]


def _hint(queue: str, level: int, rows: Sequence[Any]) -> Hint:
    one = len(rows) == 1
    limit = sum(row.time_limit or get_settings().task_time_limit_seconds for row in rows)
    args, kwargs = f"({len(rows)} tasks)", "{}"
    if one:
        row = rows[0]
        args, kwargs = shown(row.celery_task_name, json.loads(row.args), json.loads(row.kwargs))
    return Hint(
        function=rows[0].celery_task_name,
        queue=queue,
        level=level,
        rows=[HintRow(row.id, row.celery_id, row.time_limit, row.soft_time_limit) for row in rows],
        limit_seconds=limit,
        argsrepr=args,
        kwargsrepr=kwargs,
        burst=rows[0].burst and not one,
        places=[row.trace_context for row in rows if row.trace_context is not None],
    )


def shown(function: str, args: list[Any], kwargs: dict[str, Any]) -> tuple[str, str]:
    """Arguments as a monitor may show them: secrets masked, each cut to a line."""
    args, kwargs = sensitive.hide(function, args, kwargs, telling=True)
    return _line(args), _line(kwargs)


def _line(arguments: Any) -> str:
    text = repr(redact.values(arguments))
    return text if len(text) <= REPR_LENGTH else text[: REPR_LENGTH - 3] + "..."
