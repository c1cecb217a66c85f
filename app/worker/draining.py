"""A worker that was told to stop begins nothing more: hints it has taken already go back.

The main process learns it from the signal and sets a byte that its pool processes share. Without
this, a short task whose hint was taken just before the signal could begin just before the drain
ends, and be interrupted for it.
"""

from __future__ import annotations

import mmap
from typing import Any

from celery import signals
from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.text import first_line
from app.hints import HintRow
from app.queries import feed
from app.worker.connections import database
from app.worker.link import link

log = get_logger(__name__)

# Shared with the pool processes, which are forked after this module was imported.
_begun = mmap.mmap(-1, 1)


@signals.worker_shutting_down.connect
def _on_shutdown(**_: Any) -> None:
    _begun[0] = 1


def has_begun() -> bool:
    """Whether this worker is stopping."""
    return _begun[0] == 1


def hand_back(row: HintRow, queue: str) -> None:
    """Let another worker have the row, which was not claimed here and so costs nothing.

    Without the database the mark stays; that the hint is gone is noticed later.
    """
    try:
        database().execute(feed.unmark([(row.task_id, row.celery_id)]))
    except SQLAlchemyError as exc:
        log.warning("hint_not_handed_back", error=first_line(exc))
    link().settled(row, queue, False, None)
