"""Subtasks: new tasks that a running one submits, with its owner, as its children."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Executable
from sqlalchemy.exc import IntegrityError

from app.db import ids
from app.db.session import limit_lock_waits_on
from app.queries import tasks as queries
from app.services import allowance
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue
from app.services.inserting import insertion
from app.services.steps import carry_out_on
from app.worker import traces
from app.worker.claim import Claim
from app.worker.connections import database, until_answered
from app.worker.link import link
from app.worker.signals import AttemptLost

MAX_SPAWNED = 1000
# PostgreSQL looks for waits in a circle after a second; this side gives way, and tries again.
LOCK_SECONDS = 0.3
_LOST = "this attempt no longer holds its task"

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


class SpawnOptions(TypedDict, total=False):
    """What a subtask may be given: the fields of a submission. Durations in seconds."""

    name: str
    task_type: str
    priority: int
    queue: str
    scheduled_at: datetime
    countdown: float
    expires_at: datetime
    max_attempts: int
    time_limit: float
    soft_time_limit: float
    depends_on: Sequence[str]
    on_dependency_failure: str
    tags: Sequence[str]
    owner_ref: str
    limit_key: str


def spawn(
    claim: Claim, function: Any, calls: Sequence[Arguments], options: SpawnOptions
) -> list[str]:
    """Submit `function`, a task or its full name, once for each of `calls`, all or none.

    Waits while the database is away; the ids of the new rows are made before, so that nothing is
    submitted twice when an answer gets lost. Raises `Invalid` for what does not fit, `ValueError`
    for more than 1,000 at once, `Conflict` when too many tasks of the owner would wait, and
    `AttemptLost` in an attempt that no longer holds its task.
    """
    if "unique_key" in options:
        raise ValueError("a subtask takes no unique_key; submit a task that has one by create_task")
    if len(calls) > MAX_SPAWNED:
        raise ValueError(f"{len(calls)} subtasks at once; spawn at most {MAX_SPAWNED} a call")
    own = until_answered(
        lambda: database().execute(queries.own(*claim.pair)).one_or_none(), in_body=True
    )
    if own is None:
        raise AttemptLost(_LOST)
    ids.learn(own.now)
    name = getattr(function, "name", function)
    given: dict[str, Any] = {"name": name.rsplit(".", 1)[-1], "task_type": own.task_type, **options}
    with traces.spawning(claim, len(calls)):
        return _submit(claim, own.user_id, calls, {"celery_task_name": name, **given})


def _submit(
    claim: Claim, owner: uuid.UUID | None, calls: Sequence[Arguments], given: dict[str, Any]
) -> list[str]:
    rows = [
        build_row(
            NewTask(
                args=list(args),
                kwargs=dict(kwargs),
                user_id=owner,
                parent_id=claim.task_id,
                **given,
            ),
            catalogue(),
        )
        for args, kwargs in calls
    ]
    if rows:
        allowance.require_room_by(_ask, owner, len(rows))
        until_answered(lambda: _store(claim, rows, owner), in_body=True)
        link().spawned([row["id"] for row in rows], sorted({row["queue"] for row in rows}))
    return [str(row["id"]) for row in rows]


def _ask(call: tuple[Executable, Any]) -> Sequence[Any]:
    return until_answered(lambda: database().execute(*call).all(), in_body=True)


def _store(claim: Claim, rows: Sequence[dict[str, Any]], owner: uuid.UUID | None) -> None:
    """Write the rows, unless an earlier try whose answer was lost has done it."""
    # Copies: what a try has found out about dependencies is not true of the next one.
    fresh = [dict(row) for row in rows]
    try:
        with claim.undisturbed(), database().transaction() as connection:
            carry_out_on(connection, insertion(fresh, owner))
            # Last, so that the attempt's row is held for the commit alone: its lease is renewed
            # by a statement that may wait for what is locked here.
            limit_lock_waits_on(connection, LOCK_SECONDS)
            if connection.execute(queries.hold_own(*claim.pair)).first() is None:
                raise AttemptLost(_LOST)
    except IntegrityError:
        if database().execute(queries.known(rows[0]["id"])).first() is None:
            raise
