"""Celery's consumer, with three habits changed.

It tries a lost broker again every few seconds, however long that has been away; a message for a
function that this worker does not have neither ends it nor vanishes; and a `rate_limit` is the
whole worker's, of which each main process has its share.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from celery.worker.consumer import Consumer

from app.core.config import get_settings
from app.core.logging import get_logger
from app.hints import HEADER
from app.worker import unknown

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 1
LAST_PAUSE_SECONDS = 3


class SteadyConsumer(Consumer):
    """Named by `worker_consumer` in the application's configuration."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, trying for ever."""
        # Celery leaves kombu's defaults, by which the pause grows to half a minute; ready tasks
        # would wait that long after a short outage.
        conn.ensure_connection = functools.partial(
            conn.ensure_connection,
            interval_start=FIRST_PAUSE_SECONDS,
            interval_step=FIRST_PAUSE_SECONDS,
            interval_max=LAST_PAUSE_SECONDS,
        )
        return super().ensure_connected(conn)

    def bucket_for_task(self, task: Any) -> Any:
        """What a function's `rate_limit` lets through here."""
        bucket = super().bucket_for_task(task)
        if bucket is not None:
            bucket.fill_rate *= get_settings().worker_share
        return bucket

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A message for a function that this worker does not have.

        A hint goes back for another worker; its row fails as `not_registered` when no live one
        has the function. Any other message is kept aside.
        """
        headers = message.headers or {}
        name = str(headers.get("task") or exc)
        if headers.get(HEADER) is not None:
            unknown.hand_back(self, message)
            return
        message.channel.bury(
            json.dumps(
                {"headers": headers, "properties": message.properties, "body": message.body},
                default=repr,
            ),
            (message.delivery_info or {}).get("routing_key") or "",
            f"no function is called {name}",
        )
        try:
            super().on_unknown_task(body, message, exc)
        except Exception as error:  # noqa: BLE001 - it writes to the result backend
            log.warning("unknown_function_not_reported", name=name, error=str(error))
