"""Limits: how many tasks of a queue, a function or a key run at once, and how often they start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.errors import Conflict, Invalid, NotFound
from app.db.base import to_micros
from app.domain import limits as rules
from app.domain.lifecycle import TaskStatus
from app.domain.limits import Limit, Rate, Rules, Slots, Use
from app.models import Limit as LimitRow
from app.models import LimitKind, Task
from app.places import count_held, limit_of, use_values
from app.queries import clock, feed
from app.queries import limits as queries
from app.services.catalogue import catalogue
from app.services.transactions import undone_if_refused

MAX_LIMITS = 1000
# Of a limit for many keys so many are looked at to tell how many tasks were handed out.
MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class LimitState:
    """A limit and what counts against it now. `updated_by` None: the code says it.

    Of a limit for many keys, `used` and `handed_out` are those of all of them together; the latter of
    10,000 keys at most.
    """

    kind: str
    name: str
    concurrency: int | None
    rate: str | None
    used: int
    handed_out: int
    updated_by: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Blocking:
    """A limit that lets no further task out now.

    `used` of `allowed` are handed out or running. Where it is the `rate`, which is None else, they were
    handed out within its period; `free_in_seconds` is known only then.
    """

    kind: str
    name: str
    counted: str
    used: int
    allowed: int
    rate: str | None = None
    free_in_seconds: float | None = None


async def list_limits(db: AsyncSession, kind: LimitKind | None = None) -> list[LimitState]:
    """Every limit, by kind and name."""
    rows = [row for row in await db.scalars(queries.all_limits()) if kind in (None, row.kind)]
    return await _states(db, rows)


async def get_limit(db: AsyncSession, kind: LimitKind, name: str) -> LimitState:
    """One limit. Raises `NotFound`."""
    return (await _states(db, [await _find(db, kind, name)]))[0]


@undone_if_refused
async def put_limit(
    db: AsyncSession,
    kind: LimitKind,
    name: str,
    *,
    concurrency: int | None,
    rate: Rate | None,
    by: str,
) -> LimitState:
    """Make a limit, or change it; the next feed of every queue minds it, and that begins at once.

    Raises `Invalid` for one that limits nothing or names a queue or function that there is not, and
    `Conflict` for too many.
    """
    if concurrency is None and rate is None:
        raise Invalid("Give concurrency, rate or both; to lift the limit, delete it")
    _require_known(kind, name)
    queues = await _hold_feeds(db)
    if (await db.execute(queries.find(kind.value, name))).first() is None:
        await _require_room(db)
    await _write(db, kind, name, concurrency, rate, by)
    return await _changed(db, kind, name, queues)


@undone_if_refused
async def change_limit(
    db: AsyncSession,
    kind: LimitKind,
    name: str,
    changes: Mapping[str, Any],
    *,
    by: str,
) -> LimitState:
    """Change its `concurrency` or `rate`; None takes that one away. Raises as `put_limit`, `NotFound`."""
    queues = await _hold_feeds(db)
    now = limit_of(await _find(db, kind, name))
    concurrency = changes.get("concurrency", now.concurrency)
    rate = changes.get("rate", now.rate)
    if concurrency is None and rate is None:
        raise Invalid("The limit would limit nothing; to lift it, delete it")
    await _write(db, kind, name, concurrency, rate, by)
    return await _changed(db, kind, name, queues)


@undone_if_refused
async def delete_limit(db: AsyncSession, kind: LimitKind, name: str) -> None:
    """Lift a limit; what has waited for it is fed at once. Raises `NotFound`.

    A function whose code says `rate_limit` gets that one again, within seconds.
    """
    queues = await _hold_feeds(db)
    await _find(db, kind, name)
    await db.execute(queries.remove(kind.value, name))
    if kind is LimitKind.KEY:
        await db.execute(queries.touch_keys())
    await _end(db, queues)


async def blocking(db: AsyncSession, task: Task) -> list[Blocking]:
    """The limits that hold this task back at this moment: kind, name, and how full they are.

    Nothing for one that is handed out or has started, which has its place.
    """
    if task.status != TaskStatus.PENDING or task.dispatched_at is not None:
        return []
    known = Rules.of(limit_of(row) for row in await db.scalars(queries.all_limits()))
    covering = known.covering(task.queue, task.celery_task_name, task.limit_key)
    if not covering:
        return []
    uses = await _uses(db, known, covering)
    now = to_micros((await db.execute(clock.database_time())).one()[0])
    return [
        _blocking(bucket, limit, uses[bucket], now)
        for bucket, limit in covering.items()
        if uses[bucket].free(limit, now) == 0
    ]


async def take_place(db: AsyncSession, task: Task) -> None:
    """Have a task that is about to be taken by hand count under its limits, in the caller's transaction.

    One that was handed out has its place. Raises `Conflict` where there is none.
    """
    named = {"queue_name": task.queue}
    await db.execute(feed.lock_queue(), named)
    rows = (await db.execute(queries.lock_for_feed(), named)).all()
    if not rows or task.dispatched_at is not None:
        return
    if full := await blocking(db, task):
        which = f"{full[0].kind} {full[0].name!r}"
        raise Conflict(
            f"The limit of {which} lets no further task start now; try again later",
            code="limit_reached",
        )
    known = Rules.of(map(limit_of, rows))
    covering = known.covering(task.queue, task.celery_task_name, task.limit_key)
    uses = await _uses(db, known, covering)
    moment = (await db.execute(clock.database_time())).one()[0]
    for bucket, limit in covering.items():
        if limit.rate is not None:
            values = use_values(bucket, uses[bucket], limit.rate, 1, moment)
            await db.execute(queries.keep_uses(), values)


def _blocking(bucket: str, limit: Limit, use: Use, now: int) -> Blocking:
    counted = bucket.partition(":")[2]
    if limit.concurrency is not None and use.held >= limit.concurrency:
        return Blocking(limit.kind, limit.name, counted, use.held, limit.concurrency)
    assert limit.rate is not None
    used = max(use.lately(limit.rate, now), use.marked)
    return Blocking(
        limit.kind,
        limit.name,
        counted,
        used,
        limit.rate.count,
        str(limit.rate),
        use.wait(limit, now),
    )


async def _uses(db: AsyncSession, known: Rules, buckets: Iterable[str]) -> dict[str, Use]:
    held = count_held((await db.execute(queries.held())).all(), known)
    uses = {bucket: held.get(bucket, Use()) for bucket in buckets}
    for row in await db.execute(queries.uses(list(uses))):
        uses[row.bucket].slots = row.slots
    return uses


async def _states(db: AsyncSession, rows: Sequence[LimitRow]) -> list[LimitState]:
    """What counts against a limit is counted under all limits, since another one may be closer."""
    if not rows:
        return []
    limits = [limit_of(row) for row in await db.scalars(queries.all_limits())]
    known = Rules.of(limits)
    held: Counter[tuple[str, str]] = Counter()
    for row in await db.execute(queries.held()):
        for limit in known.covering(row.queue, row.celery_task_name, row.limit_key).values():
            held[limit.kind, limit.name] += row.number
    lately = await _handed_out(db, known, [limit_of(row) for row in rows])
    return [
        LimitState(
            kind=row.kind,
            name=row.name,
            concurrency=row.concurrency,
            rate=None if row.rate_count is None else str(limit_of(row).rate),
            used=held[row.kind, row.name],
            handed_out=lately.get((row.kind, row.name), 0),
            updated_by=row.updated_by,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


async def _handed_out(
    db: AsyncSession, known: Rules, limits: Sequence[Limit]
) -> Mapping[tuple[str, str], int]:
    """How many each of these limits has let out within its rate's period."""
    rated = {limit.bucket(limit.name): limit for limit in limits if limit.rate is not None}
    if not rated:
        return {}
    now = to_micros((await db.execute(clock.database_time())).one()[0])
    lately: Counter[tuple[str, str]] = Counter()

    def add(limit: Limit | None, slots: Slots) -> None:
        if limit is not None and limit.rate is not None:
            lately[limit.kind, limit.name] += Use(slots=slots).lately(limit.rate, now)

    for row in await db.execute(queries.uses(list(rated))):
        add(rated[row.bucket], row.slots)
    if any(limit.is_for_many for limit in rated.values()):
        for row in await db.execute(queries.uses_of_keys(MAX_KEYS)):
            closest = known.of_key(row.bucket.removeprefix(f"{LimitKind.KEY}:"))
            add(closest if closest and closest.is_for_many else None, row.slots)
    return lately


def _require_known(kind: LimitKind, name: str) -> None:
    known: Iterable[str] = ()
    if kind is LimitKind.QUEUE:
        known = catalogue().queues
    elif kind is LimitKind.TASK:
        known = catalogue().tasks
    if kind is not LimitKind.KEY and name not in known:
        shown = ", ".join(sorted(known)[:10])
        what = "queue" if kind is LimitKind.QUEUE else "function"
        raise Invalid(f"There is no {what} {name!r}; known: {shown}", code=f"unknown_{what}")
    if rules.EVERY in name.removesuffix(rules.EVERY):
        raise Invalid(f"A limit for many keys has one {rules.EVERY} at the end of its name")


async def _require_room(db: AsyncSession) -> None:
    if (await db.scalar(queries.count()) or 0) >= MAX_LIMITS:
        raise Conflict(f"There are {MAX_LIMITS:,} limits, which is the most; delete some")


async def _find(db: AsyncSession, kind: LimitKind, name: str) -> LimitRow:
    found = (await db.scalars(queries.find(kind.value, name))).first()
    if found is None:
        raise NotFound(f"There is no limit of {kind.value} {name!r}")
    return found


async def _hold_feeds(db: AsyncSession) -> list[str]:
    """No queue is fed until the commit, so that none is fed by the old limits after it."""
    return list(await db.scalars(queries.lock_queues()))


async def _write(
    db: AsyncSession,
    kind: LimitKind,
    name: str,
    concurrency: int | None,
    rate: Rate | None,
    by: str,
) -> None:
    statement = queries.put(
        kind.value,
        name,
        concurrency=concurrency,
        rate_count=None if rate is None else rate.count,
        rate_seconds=None if rate is None else rate.seconds,
        by=by,
    )
    await db.execute(statement)
    if kind is LimitKind.KEY:
        await db.execute(queries.touch_keys())


async def _changed(
    db: AsyncSession, kind: LimitKind, name: str, queues: Sequence[str]
) -> LimitState:
    state = await get_limit(db, kind, name)
    await _end(db, queues)
    return state


async def _end(db: AsyncSession, queues: Sequence[str]) -> None:
    await db.execute(queries.regulate_all())
    await db.commit()
    for queue in queues:
        dispatch.wake(queue)
