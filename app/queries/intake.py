"""Statements that accept many tasks at once: each is the same for one row and for ten thousand."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Float,
    Insert,
    Select,
    Uuid,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
)

from app.db.clock import after, later, now
from app.db.records import Records
from app.db.upsert import insert as upsert
from app.models import IdempotencyKey, Task, TaskDependency, TaskTag
from app.models.task import HOLDS_KEY
from app.queries.tasks import BORN, rank_of
from app.queries.types import DeletedRows, InsertedRows, Rows

_TASKS: Any = Task.__table__
_TAGS: Any = TaskTag.__table__
_EDGES: Any = TaskDependency.__table__
_KEYS: Any = IdempotencyKey.__table__
# What a draft says beside columns.
BESIDES = frozenset({"countdown", "size"})


@cache
def insert_drafts(keys: tuple[str, ...], ageing_seconds: float) -> Insert:
    """Insert the parameter `rows`, drafts of `services.building` that have these keys.

    All get the same moment of the database's clock, so among equals the order is that of their
    ids.
    """
    names, chosen = _drafts(keys, ageing_seconds)
    return insert(_TASKS).from_select(names, chosen, include_defaults=False)


@cache
def insert_drafts_if_free(keys: tuple[str, ...], ageing_seconds: float) -> InsertedRows:
    """The same, but for those whose `unique_key` an unfinished task has; returns what was inserted.

    One that is about to be taken is waited for.
    """
    names, chosen = _drafts(keys, ageing_seconds)
    # SQLite would read the ON of ON CONFLICT as that of a join.
    made = upsert(_TASKS).from_select(names, chosen.where(true()), include_defaults=False)
    return made.on_conflict_do_nothing(
        index_elements=["unique_key"], index_where=HOLDS_KEY
    ).returning(_TASKS.c.id)


def _drafts(keys: tuple[str, ...], ageing_seconds: float) -> tuple[list[str], Rows]:
    """Columns of new tasks, and a SELECT of them from the parameter `rows`."""
    types = {key: _TASKS.c[key].type for key in keys if key not in BESIDES}
    given = Records("rows", {**types, "countdown": Float()})
    clock = select(now().label("moment")).cte("clock")
    moment = clock.c.moment
    scheduled = func.coalesce(given["scheduled_at"], later(moment, given["countdown"]))
    at_once = and_(scheduled.is_(None), given["unmet_deps"] == 0)
    rank = rank_of(moment, given["priority"], ageing_seconds)
    values: dict[str, Any] = {
        **{key: literal(value, _TASKS.c[key].type) for key, value in BORN.items()},
        **{key: given[key] for key in types},
        "scheduled_at": scheduled,
        "ready_at": func.coalesce(scheduled, moment),
        "rank": case((at_once, rank), else_=None),
        "created_at": moment,
        "updated_at": moment,
    }
    chosen = select(*values.values()).select_from(given.table).join(clock, true())
    return list(values), chosen


@cache
def insert_drafts_returning(keys: tuple[str, ...], ageing_seconds: float) -> InsertedRows:
    """The same; returns the id of each and the times that the database has decided."""
    return insert_drafts(keys, ageing_seconds).returning(
        _TASKS.c.id, _TASKS.c.created_at, _TASKS.c.scheduled_at
    )


@cache
def insert_tags() -> Insert:
    """Insert the parameter `tags`: `task_id, tag` of new tasks."""
    given = Records("tags", {"task_id": Uuid(), "tag": _TAGS.c.tag.type})
    chosen = select(given["task_id"], given["tag"]).select_from(given.table)
    return insert(_TAGS).from_select(["task_id", "tag"], chosen)


@cache
def insert_edges() -> Insert:
    """Insert the parameter `edges`: `task_id, needs_id, told` of new tasks."""
    columns = _EDGES.c
    names = ["task_id", "needs_id", "told"]
    given = Records("edges", {name: columns[name].type for name in names})
    chosen = select(*(given[name] for name in names)).select_from(given.table)
    return insert(_EDGES).from_select(names, chosen)


@cache
def take_keys(lasting_seconds: float) -> InsertedRows:
    """Take the parameter `keys`: `owner, key, fingerprint, task_id, task_ids`.

    Sorted by the first two, so that two that want the same ones never wait for each other. Returns
    the `task_id` of each key that was free, or whose time is over; one that somebody is about to
    take is waited for.
    """
    columns = _KEYS.c
    names = ["owner", "key", "fingerprint", "task_id", "task_ids"]
    given = Records("keys", {name: columns[name].type for name in names})
    chosen = (
        select(*(given[name] for name in names), now())
        .select_from(given.table)
        # SQLite would read the ON of ON CONFLICT as that of a join.
        .where(true())
    )
    taken = upsert(_KEYS).from_select([*names, "created_at"], chosen)
    renewed = {name: taken.excluded[name] for name in (*names[2:], "created_at")}
    return taken.on_conflict_do_update(
        index_elements=["owner", "key"],
        set_=renewed,
        where=columns.created_at < after(-lasting_seconds),
    ).returning(columns.task_id)


def find_key(owner: str, key: str, lasting_seconds: float) -> Select[IdempotencyKey]:
    """Who has an idempotency key, unless its time is over."""
    return select(IdempotencyKey).where(
        IdempotencyKey.owner == owner,
        IdempotencyKey.key == key,
        IdempotencyKey.created_at >= after(-lasting_seconds),
    )


@cache
def drop_keys(older_than_seconds: float, limit: int) -> DeletedRows:
    """Forget idempotency keys past their time, at most so many."""
    # Said once more to the row itself: somebody may have taken the key anew meanwhile.
    over = IdempotencyKey.created_at < after(-older_than_seconds)
    key = tuple_(IdempotencyKey.owner, IdempotencyKey.key)
    chosen = select(IdempotencyKey.owner, IdempotencyKey.key).where(over).limit(limit)
    return delete(IdempotencyKey).where(key.in_(chosen), over).returning(IdempotencyKey.key)
