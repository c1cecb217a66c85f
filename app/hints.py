"""The hint: a Celery message that says which rows may be ready. Its format, both ways.

A hint is an ordinary message of Celery's protocol 2 for the rows' function, with
`[id, celery_id, time_limit, soft_time_limit]` of each row in one more header and no arguments:
those stay in the row. It carries one row, under the row's own `celery_id`, or a slice of rows
under an id of its own.
"""

from __future__ import annotations

import base64
import json
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from app.domain.rank import broker_priority

HEADER = "tasksystem_rows"
# Its rows are claimed in one statement and settled in one.
BURST_HEADER = "tasksystem_burst"
# Far more than the feed ever puts into one message.
MAX_ROWS = 1000
# Between queue and priority in the name of a list: kombu's own separator.
_SEPARATOR = "\x06\x16"
# The body of every hint: no arguments, no callbacks.
BODY = base64.b64encode(
    json.dumps(
        [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    ).encode()
).decode()
# Celery's own hard limit is only a net under ours, which is kept per row by the agent.
_LIMIT_MARGIN_SECONDS = 60.0


class HintRow(NamedTuple):
    """A row that a hint speaks of; limits in seconds."""

    task_id: uuid.UUID
    celery_id: uuid.UUID
    time_limit: float | None
    soft_time_limit: float | None


@dataclass(frozen=True, slots=True)
class Hint:
    """What goes into one message. `limit_seconds` is the sum of the rows' hard limits."""

    function: str
    queue: str
    level: int
    rows: Sequence[HintRow]
    limit_seconds: float
    argsrepr: str
    kwargsrepr: str
    burst: bool = False
    # Where its rows belong in traces. The message does not say so: the claim will.
    places: Sequence[str] = ()

    @property
    def message_id(self) -> str:
        """The Celery id of the message."""
        return str(self.rows[0].celery_id if len(self.rows) == 1 else uuid.uuid4())


def encode(hint: Hint) -> str:
    """The raw entry of a Redis list that a Celery worker consumes."""
    message_id = hint.message_id
    priority = broker_priority(hint.level)
    limit = hint.limit_seconds + _LIMIT_MARGIN_SECONDS
    return json.dumps(
        {
            "body": BODY,
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": hint.function,
                "id": message_id,
                "shadow": None,
                "eta": None,
                "expires": None,
                "group": None,
                "group_index": None,
                "retries": 0,
                "timelimit": [limit, limit],
                "root_id": message_id,
                "parent_id": None,
                "argsrepr": hint.argsrepr,
                "kwargsrepr": hint.kwargsrepr,
                "origin": "feed",
                "ignore_result": True,
                "replaced_task_nesting": 0,
                "stamped_headers": None,
                "stamps": {},
                **({BURST_HEADER: True} if hint.burst else {}),
                HEADER: [[str(row[0]), str(row[1]), row[2], row[3]] for row in hint.rows],
            },
            "properties": {
                "correlation_id": message_id,
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": hint.queue},
                "priority": priority,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )


def list_key(prefix: str, queue: str, level: int) -> str:
    """The Redis list of a queue and priority."""
    priority = broker_priority(level)
    return f"{prefix}{queue}{_SEPARATOR}{priority}" if priority else f"{prefix}{queue}"


def rows_of(headers: Any) -> list[HintRow] | None:
    """The rows a message speaks of; None if it is not a hint. Raises `ValueError` if malformed.

    `headers` is a message's header mapping, or the Celery request made from it.
    """
    rows = headers.get(HEADER) if isinstance(headers, dict) else getattr(headers, HEADER, None)
    if rows is None:
        return None
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_ROWS:
        raise ValueError(f"a hint's rows must be a list of 1 to {MAX_ROWS}")
    try:
        return [
            HintRow(uuid.UUID(task), uuid.UUID(celery), _limit(hard), _limit(soft))
            for task, celery, hard, soft in rows
        ]
    except (TypeError, AttributeError, ValueError) as exc:
        raise ValueError(f"a hint's rows must be lists of two ids and two limits: {exc}") from None


def is_burst(headers: Any) -> bool:
    """Whether the rows of a hint go through the burst lane."""
    return getattr(headers, BURST_HEADER, False) is True


def _limit(value: Any) -> float | None:
    """A time limit in seconds; the agent computes with it, so it must be a number."""
    if value is None or (type(value) in (int, float) and 0 <= value < math.inf):
        return cast("float | None", value)
    raise ValueError(f"{value!r:.40} is no time limit")


def celery_ids_in(entries: Sequence[bytes]) -> set[uuid.UUID]:
    """The `celery_id`s of all rows that raw entries of a list speak of; strangers are skipped."""
    found: set[uuid.UUID] = set()
    for entry in entries:
        try:
            rows = rows_of(json.loads(entry)["headers"])
        except (ValueError, TypeError, KeyError):
            continue
        found.update(row.celery_id for row in rows or ())
    return found
