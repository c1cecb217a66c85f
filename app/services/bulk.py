"""Creating many tasks in one transaction, all of them or none.

Rows are built in a thread, a page ahead of the one that the database inserts: neither waits for the
other, and the event loop for neither of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.core.errors import Conflict, Invalid
from app.db.session import async_session
from app.db.turns import turn
from app.domain.lifecycle import ACTIVE, Event, TaskStatus
from app.queries import dependencies as edge_queries
from app.queries import intake as queries
from app.queries import tasks as task_queries
from app.services.announcing import tell_all_after_commit
from app.services.building import NewTask, draft
from app.services.catalogue import catalogue
from app.services.depending import RUN, ending_of
from app.services.intake import IDEMPOTENCY_SECONDS, Key, Row
from app.services.local_names import Fields, Named, references, with_ids
from app.services.transactions import undone_if_refused

MAX_TASKS = 10_000
MAX_EDGES = 100_000
# Rows of one INSERT, so that none takes long, whatever the tasks' arguments.
PAGE = 500
# Ids of one statement that locks rows; several go on in the order of the ids.
LOCKED_PAGE = 1000
EDGES_PAGE = 5000

Error = dict[str, Any]


@undone_if_refused
async def create_many(
    db: AsyncSession,
    tasks: Sequence[Fields],
    *,
    user_id: uuid.UUID | str | None = None,
    commit: bool = True,
) -> list[uuid.UUID]:
    """Accept up to 10,000 tasks, all or none; returns their ids in order.

    Each is a mapping of the arguments of `create_task`, and may have a `local_id` by which the
    others name it in `depends_on` and `parent_id`. With `commit=False` the rows belong to the
    caller's transaction and are dispatched once that commits.
    Raises `Invalid` with every place that does not fit, as `["body", "tasks", number, ...]`.
    """
    owner = uuid.UUID(user_id) if isinstance(user_id, str) else user_id
    order = _Order(_named(tasks), owner)
    await _insert(db, order)
    if commit:
        await db.commit()
    return order.ids


async def accept_many(
    tasks: Sequence[Fields],
    *,
    user_id: uuid.UUID,
    sees_all: bool = False,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> tuple[list[uuid.UUID], bool]:
    """The same in a transaction of its own, or the ids of the tasks that the same key made; the
    bool says which. `sees_all`: they may refer to everybody's tasks.
    """
    named = await asyncio.to_thread(_named, tasks)
    key = Key.of(user_id, idempotency_key, fingerprint)
    async with turn(), async_session() as db:
        return await _submit(db, _Order(named, user_id, sees_all=sees_all), key)


@undone_if_refused
async def _submit(db: AsyncSession, order: _Order, key: Key | None) -> tuple[list[uuid.UUID], bool]:
    if key is None:
        await _insert(db, order)
    else:
        if (first := await _ids_of(db, key)) is not None:
            await db.rollback()
            return first, True
        await _insert(db, order)
        statement = queries.take_keys(IDEMPOTENCY_SECONDS)
        if (await db.execute(statement, {"keys": [key.taken_by_all(order.ids)]})).first() is None:
            await db.rollback()
            return await _first_of(db, key), True
    await db.commit()
    return order.ids, False


@dataclass(slots=True)
class _Order:
    """What was asked for, and what of it depends on others.

    `statuses` are those of the tasks that these need, others' and their own.
    """

    named: Named
    user_id: uuid.UUID | None
    sees_all: bool = False
    statuses: dict[uuid.UUID, str] = field(default_factory=dict)

    @property
    def ids(self) -> list[uuid.UUID]:
        return self.named.ids

    @property
    def may_see(self) -> uuid.UUID | None:
        return None if self.sees_all else self.user_id

    def references(self, name: str) -> Iterator[tuple[list[Any], uuid.UUID]]:
        """`(place, id)` of every task of others that `depends_on` or `parent_id` names."""
        own = frozenset(self.ids)
        for number, task in enumerate(self.named.tasks):
            for n, each in enumerate(references(task, name)):
                if each not in own:
                    index = [n] if name == "depends_on" else []
                    yield ["body", "tasks", number, name, *index], each

    def rows(self, start: int) -> list[Row]:
        """Drafts of a page of tasks. Raises `Invalid` for those that do not fit."""
        known, rows, errors = catalogue(), [], list[Error]()
        for number in range(start, min(start + PAGE, len(self.ids))):
            fields, task_id = self.named.tasks[number], self.ids[number]
            try:
                row = draft(NewTask(**fields, user_id=self.user_id, sees_all=self.sees_all), known)
            except Invalid as refused:
                errors += [_moved(each, number) for each in refused.errors or ()]
                continue
            row["id"] = task_id
            row["awaited"] = task_id in self.named.needed
            row["unmet_deps"] = sum(
                self.statuses[each] in ACTIVE for each in references(fields, "depends_on")
            )
            rows.append(row)
        _refuse(errors)
        return rows

    def edges(self) -> list[Row]:
        """What waits for what; those that are finished already count as told."""
        return [
            {"task_id": task_id, "needs_id": each, "told": self.statuses[each] not in ACTIVE}
            for task, task_id in zip(self.named.tasks, self.ids, strict=True)
            for each in references(task, "depends_on")
        ]

    def endings(self) -> Iterator[tuple[Event, Row]]:
        """Tasks that end at once, because one that they need has ended badly."""
        for task, task_id in zip(self.named.tasks, self.ids, strict=True):
            needed = references(task, "depends_on")
            if not needed or task.get("on_dependency_failure") == RUN:
                continue
            failed = [each for each in needed if self.statuses[each] == TaskStatus.FAILED]
            revoked = [each for each in needed if self.statuses[each] == TaskStatus.REVOKED]
            if ending := ending_of(failed, revoked):
                yield ending[0], {"task": task_id, "why": ending[1]}


def _moved(error: Error, number: int) -> Error:
    """The error of one task as one of the whole request."""
    return {**error, "loc": ["body", "tasks", number, *error["loc"][1:]]}


def _named(tasks: Sequence[Fields]) -> Named:
    if len(tasks) > MAX_TASKS:
        _refuse([_error(["body", "tasks"], f"at most {MAX_TASKS} tasks at once", "too_many")])
    named = with_ids(tasks)
    if sum(len(references(task, "depends_on")) for task in named.tasks) > MAX_EDGES:
        message = f"at most {MAX_EDGES} dependencies at once"
        _refuse([_error(["body", "tasks"], message, "too_many")])
    return named


async def _insert(db: AsyncSession, order: _Order) -> None:
    await _require_parents(db, order)
    await _lock_needed(db, order)
    building = _build(order, 0)
    try:
        for start in range(PAGE, len(order.ids) + PAGE, PAGE):
            rows = await building
            building = _build(order, start)
            await _insert_page(db, rows)
    finally:
        building.cancel()
    await _insert_edges(db, order)


def _build(order: _Order, start: int) -> asyncio.Task[list[Row]]:
    return asyncio.create_task(asyncio.to_thread(order.rows, start))


async def _insert_page(db: AsyncSession, rows: list[Row]) -> None:
    statement = queries.insert_drafts(tuple(rows[0]), get_settings().ageing_seconds)
    await db.execute(statement, {"rows": rows})
    if tags := [{"task_id": row["id"], "tag": tag} for row in rows for tag in row["tags"]]:
        await db.execute(queries.insert_tags(), {"tags": tags})
    tell_all_after_commit(db, {row["id"]: row["queue"] for row in rows})


async def _require_parents(db: AsyncSession, order: _Order) -> None:
    wanted = list(order.references("parent_id"))
    found: set[uuid.UUID] = set()
    for page in _pages({each for _, each in wanted}, LOCKED_PAGE):
        found.update(await db.scalars(task_queries.visible(page, order.may_see)))
    _refuse(
        _error(place, f"parent_id {each} does not exist", "unknown_task")
        for place, each in wanted
        if each not in found
    )


async def _lock_needed(db: AsyncSession, order: _Order) -> None:
    """Learn how the tasks of others stand that these need; none can finish until the commit."""
    wanted = list(order.references("depends_on"))
    unaware: list[uuid.UUID] = []
    for page in _pages({each for _, each in wanted}, LOCKED_PAGE):
        found = (await db.execute(edge_queries.lock_needed(page, order.may_see))).all()
        order.statuses |= {each.id: each.status for each in found}
        unaware += [each.id for each in found if each.status in ACTIVE and not each.awaited]
    _refuse(
        _error(place, f"task {each} does not exist", "unknown_task")
        for place, each in wanted
        if each not in order.statuses
    )
    for page in _pages(unaware, LOCKED_PAGE):
        await db.execute(edge_queries.await_them(page))
    order.statuses |= dict.fromkeys(order.named.needed, TaskStatus.PENDING.value)


def _pages(ids: Iterable[uuid.UUID], size: int) -> Iterator[list[uuid.UUID]]:
    ordered = sorted(ids)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))


async def _insert_edges(db: AsyncSession, order: _Order) -> None:
    edges = order.edges()
    for start in range(0, len(edges), EDGES_PAGE):
        await db.execute(queries.insert_edges(), {"edges": edges[start : start + EDGES_PAGE]})
    ended: dict[Event, list[Row]] = {}
    for event, parameters in order.endings():
        ended.setdefault(event, []).append(parameters)
    for event, several in ended.items():
        await (await db.connection()).execute(edge_queries.end(event), several)
    gone = {each["task"] for several in ended.values() for each in several}
    # Those that end at once and are needed themselves are the agents' affair from the commit on.
    tell_all_after_commit(db, {}, agents=not order.named.needed.isdisjoint(gone))


async def _ids_of(db: AsyncSession, key: Key) -> list[uuid.UUID] | None:
    """What an earlier request with the key made. Raises `Invalid` if it was another request."""
    statement = task_queries.find_key(key.owner, key.key, IDEMPOTENCY_SECONDS)
    found = (await db.scalars(statement)).first()
    if found is None:
        return None
    if found.fingerprint != key.fingerprint or found.task_ids is None:
        raise Invalid(
            "This Idempotency-Key was used for another request; use a new key",
            code="idempotency_key_reused",
        )
    return [uuid.UUID(each) for each in found.task_ids]


async def _first_of(db: AsyncSession, key: Key) -> list[uuid.UUID]:
    found = await _ids_of(db, key)
    await db.rollback()
    if found is None:
        raise Conflict("The first request with this Idempotency-Key was undone; send it again")
    return found


def _refuse(errors: Iterable[Error]) -> None:
    if listed := list(errors):
        raise Invalid(str(listed[0]["msg"]), errors=listed)


def _error(loc: list[Any], message: str, kind: str) -> Error:
    return {"loc": loc, "msg": message, "type": kind}
