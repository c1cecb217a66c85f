"""Statements that read workers; their agents write them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, select

from app.db.clock import after
from app.models import Worker


def _is_live(silence_seconds: float) -> ColumnElement[bool]:
    return Worker.heartbeat_at >= after(-silence_seconds)


def all_workers(silence_seconds: float) -> Select[Worker, bool]:
    """Workers by name, each with whether it was heard of within `silence_seconds`."""
    return select(Worker, _is_live(silence_seconds).label("live")).order_by(Worker.name)


def live_workers(silence_seconds: float) -> Select[Worker]:
    """Workers heard of within `silence_seconds`."""
    return select(Worker).where(_is_live(silence_seconds))
