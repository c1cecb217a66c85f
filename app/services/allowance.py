"""How much a user may submit: `SUBMISSIONS_PER_MINUTE` and `PENDING_TASKS_PER_USER`.

Both cost next to nothing. The rate is counted in this process's memory. How many tasks wait is asked of
the counts that are kept anyway, at the first submission of a user and then the more seldom the more
room there is, at most once a second; between two looks a refusal is answered from memory as well. So
the cap is kept to about a second's worth of submissions.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.errors import Conflict, TooMany
from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import read_session
from app.domain.allowance import Bucket, Room
from app.domain.lifecycle import TaskStatus
from app.domain.tally import by_status
from app.queries import counting

MAX_USERS = 10_000
Owner = uuid.UUID | None
Kept = TypeVar("Kept")
_log = get_logger(__name__)


# The rate


def require_rate(user_id: Owner, number: int = 1) -> None:
    """Let a user submit so many now. Raises `TooMany`, which says when to come back."""
    bucket = _bucket_of(user_id)
    if bucket is None:
        return
    now = time.monotonic()
    if seconds := bucket.wait(number, now):
        wait = math.ceil(seconds)
        raise TooMany(
            f"More tasks were submitted than SUBMISSIONS_PER_MINUTE ({bucket.per_minute:,}) allows; "
            f"try again in {wait} s",
            code="too_many_submissions",
            headers={"Retry-After": str(wait)},
        )
    bucket.take(number, now)


def charge(user_id: Owner, number: int) -> None:
    """Count what a user has submitted, where it was not known before how many that would be."""
    bucket = _bucket_of(user_id)
    if bucket is not None:
        bucket.take(number, time.monotonic())


_buckets: OrderedDict[uuid.UUID, Bucket] = OrderedDict()


def _bucket_of(user_id: Owner) -> Bucket | None:
    per_minute = get_settings().submissions_per_minute
    if user_id is None or not per_minute:
        return None
    bucket = _buckets.get(user_id)
    if bucket is None or bucket.per_minute != per_minute:
        bucket = Bucket.full(per_minute, time.monotonic())
    return _kept(_buckets, user_id, bucket)


# The room


async def require_room(user_id: Owner, number: int = 1) -> None:
    """Let so many more tasks of a user wait. Raises `Conflict`. The system's own have no bound."""
    if user_id is None:
        return
    room, most, now = _room_of(user_id), get_settings().pending_tasks_per_user, time.monotonic()
    if _is_to_be_read(room, number, most, now):
        await asyncio.shield(_look(user_id, room))
    _require_fit(room, number, most)
    room.added += number


def require_room_by(read: Callable[[Any], Iterable[Any]], user_id: Owner, number: int) -> None:
    """The same for whoever works synchronously; `read` takes a statement with its parameters."""
    if user_id is None:
        return
    room, most, now = _room_of(user_id), get_settings().pending_tasks_per_user, time.monotonic()
    if _is_to_be_read(room, number, most, now):
        before = room.added
        room.count(_waiting(read(counting.count_maintained(user_id))), before, now)
    _require_fit(room, number, most)
    room.added += number


def _is_to_be_read(room: Room, number: int, most: int, now: float) -> bool:
    """Also before a refusal, but not anew for each of many."""
    return room.is_due(most, now) or not (room.fits(number, most) or room.is_fresh(now))


def _require_fit(room: Room, number: int, most: int) -> None:
    if not room.fits(number, most):
        more = "" if number == 1 else f", and {number:,} more would wait"
        raise Conflict(
            f"{room.waiting:,} tasks of this user wait{more}: PENDING_TASKS_PER_USER allows {most:,}; "
            "wait until some have started, or cancel some",
            code="too_many_pending",
        )


_rooms: OrderedDict[uuid.UUID, Room] = OrderedDict()
_looks: dict[tuple[asyncio.AbstractEventLoop, uuid.UUID], asyncio.Task[None]] = {}


def _room_of(user_id: uuid.UUID) -> Room:
    return _kept(_rooms, user_id, _rooms.get(user_id) or Room())


def _look(user_id: uuid.UUID, room: Room) -> asyncio.Task[None]:
    """One look for all who want it at the same moment."""
    place = asyncio.get_running_loop(), user_id
    look = _looks.get(place)
    if look is None:
        look = _looks[place] = asyncio.create_task(_count(user_id, room))
        look.add_done_callback(lambda _: _looks.pop(place, None))
    return look


async def _count(user_id: uuid.UUID, room: Room) -> None:
    before, began = room.added, time.monotonic()
    try:
        async with read_session() as db:
            rows: Any = (await db.execute(*counting.count_maintained(user_id))).all()
    except (SQLAlchemyError, OSError) as exc:
        # The submission meets the same database, and says what is wrong with it.
        _log.info("pending tasks were not counted", error=first_line(exc))
        return
    room.count(_waiting(rows), before, began)


def _waiting(rows: Iterable[Any]) -> int:
    return by_status(rows)[TaskStatus.PENDING]


def _kept(among: OrderedDict[uuid.UUID, Kept], user_id: uuid.UUID, value: Kept) -> Kept:
    """Kept as the latest of a bounded number."""
    among[user_id] = value
    among.move_to_end(user_id)
    while len(among) > MAX_USERS:
        among.popitem(last=False)
    return value
