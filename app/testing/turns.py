"""What waits gets its turn, one attempt after another, in the process that asks for it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from celery.app.trace import build_tracer
from sqlalchemy import Row

from app.celery_app import celery_app
from app.core.config import get_settings
from app.db.session import Database
from app.hints import Hint, HintRow, encode
from app.maintenance import dependents, rollup
from app.queries import feed, inline
from app.testing.asking import beside_loop

WORKER = "inline@test"
_BATCH = 500


class Turns:
    """The feed, the duties of an agent, and a worker, step by step on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self) -> uuid.UUID | None:
        """Run the attempt whose turn it is, and say whose that was; None if nothing waits.

        The most urgent of what is ready; if nothing is, what is due next, whose time comes at once.
        """
        row = self._ready() or self._brought_forward()
        if row is None:
            return None
        headers = self._hint(row)
        request = {**headers, "hostname": WORKER, "delivery_info": {"routing_key": row.queue}}
        task = celery_app.tasks[headers["task"]]
        trace = build_tracer(task.name, task, app=celery_app, eager=True)
        beside_loop(lambda: trace(headers["id"], [], {}, request))
        self._tell_dependents()
        while rollup.run_once(self._database).left:
            pass
        return uuid.UUID(str(row.id))

    def _ready(self) -> Row[Any] | None:
        self._tell_dependents()
        self._database.execute(feed.expire(_BATCH))
        self._database.execute(feed.rank_ready(None, get_settings().ageing_seconds, _BATCH))
        return self._database.execute(inline.first_waiting()).first()

    def _brought_forward(self) -> Row[Any] | None:
        if self._database.execute(inline.bring_forward()).first() is None:
            return None
        return self._ready()

    def _tell_dependents(self) -> None:
        while dependents.run_once(self._database, _BATCH).edges:
            pass

    def _hint(self, row: Row[Any]) -> dict[str, Any]:
        """Mark the row as the feed does; the headers of its message."""
        named = {"queue_name": row.queue, "ids": [row.id], "level": row.priority}
        marked = self._database.execute(feed.mark(), named).one()
        limits = (marked.time_limit, marked.soft_time_limit)
        hint = Hint(
            function=marked.celery_task_name,
            queue=row.queue,
            level=row.priority,
            rows=[HintRow(marked.id, marked.celery_id, *limits)],
            limit_seconds=marked.time_limit or get_settings().task_time_limit_seconds,
            argsrepr=marked.args,
            kwargsrepr=marked.kwargs,
        )
        headers: dict[str, Any] = json.loads(encode(hint))["headers"]
        return headers
