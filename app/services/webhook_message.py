"""What a delivery says: the body, always the same bytes, and the headers of an attempt."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.core.text import MAX_MESSAGE, clean
from app.core.version import VERSION
from app.db.base import dump_json, from_micros
from app.domain.webhook import PING, message_id, signature

_COPIED = ("name", "task_type", "celery_task_name", "queue", "priority", "status", "reason",
           "attempt", "owner_ref")  # fmt: skip
_IDS = ("user_id", "parent_id", "retry_of")
_TIMES = ("created_at", "started_at", "completed_at")
_MAX_TYPE = 200


def payload(delivery: Any) -> dict[str, Any]:
    """`type`, `timestamp` and `data` of a delivery: a row with `id, type, task_id, snapshot,
    created_at`.

    A task comes without its arguments and its result, which the receiver can ask for by its id: they
    may be large, and are nobody's business on the way.
    """
    if delivery.type == PING:
        return {"type": PING, "timestamp": _said(delivery.created_at), "data": {}}
    data = _task(delivery.task_id, delivery.snapshot)
    return {"type": delivery.type, "timestamp": data["completed_at"], "data": data}


def _task(task_id: uuid.UUID, snapshot: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(task_id),
        **{name: snapshot[name] for name in _COPIED},
        "tags": json.loads(snapshot["tags"]),
        "error": _error(snapshot["error"]),
        **{name: _id(snapshot[name]) for name in _IDS},
        **{name: _time(snapshot[name]) for name in _TIMES},
    }


def _error(kept: str | None) -> dict[str, str] | None:
    error = None if kept is None else json.loads(kept)
    if not isinstance(error, dict):
        return None
    kind, message = str(error.get("type", "")), str(error.get("message") or "")
    return {"type": clean(kind, _MAX_TYPE), "message": clean(message, MAX_MESSAGE)}


def _id(kept: str | None) -> str | None:
    return None if kept is None else str(uuid.UUID(kept))


def _time(kept: int | None) -> str | None:
    return None if kept is None else _said(from_micros(kept))


def _said(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def body_of(delivery: Any) -> bytes:
    """The payload as it is sent and signed."""
    return dump_json(payload(delivery)).encode()


def headers_of(delivery: Any, body: bytes, keys: Sequence[bytes], timestamp: int) -> dict[str, str]:
    """The headers of an attempt at `timestamp` (seconds since 1970), signed with each key."""
    message = message_id(delivery.id, delivery.task_id)
    return {
        "Content-Type": "application/json",
        "User-Agent": f"tasksystem/{VERSION}",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message, timestamp, body) for key in keys),
    }
