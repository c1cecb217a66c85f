"""What new tasks need: looked at, locked and written down in the transaction that makes them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from app.core.errors import Invalid
from app.domain.lifecycle import ACTIVE, Event, TaskStatus
from app.queries import dependencies as queries
from app.services.steps import Steps

FAIL, RUN = "fail", "run"
# Ids of one statement; several statements go on in the order of the ids.
PAGE = 1000


def lock_needed(
    rows: Sequence[dict[str, Any]], owner: uuid.UUID | None
) -> Steps[dict[uuid.UUID, str]]:
    """The status of every task that these new rows need; none can finish until the commit.

    Sets `unmet_deps`, and takes a row its place in the queue as long as that is not zero.
    Raises `Invalid` for one that does not exist, or is somebody else's, which is the same.
    """
    wanted = sorted({each for row in rows for each in _needs(row)})
    statuses: dict[uuid.UUID, str] = {}
    unaware: list[uuid.UUID] = []
    for start in range(0, len(wanted), PAGE):
        found = yield queries.lock_needed(wanted[start : start + PAGE], owner), None
        statuses |= {each.id: each.status for each in found}
        unaware += [each.id for each in found if each.status in ACTIVE and not each.awaited]
    for row in rows:
        _require_all(_needs(row), statuses)
    for start in range(0, len(unaware), PAGE):
        yield queries.await_them(unaware[start : start + PAGE]), None
    for row in rows:
        if unfinished := sum(statuses[each] in ACTIVE for each in _needs(row)):
            row |= {"unmet_deps": unfinished, "rank": None}
    return statuses


def _needs(row: dict[str, Any]) -> list[uuid.UUID]:
    return [uuid.UUID(each) for each in row["depends_on"] or ()]


def _require_all(wanted: list[uuid.UUID], found: Mapping[uuid.UUID, str]) -> None:
    errors = [
        {
            "loc": ["body", "depends_on", index],
            "msg": f"task {each} does not exist",
            "type": "unknown_task",
        }
        for index, each in enumerate(wanted)
        if each not in found
    ]
    if errors:
        raise Invalid(str(errors[0]["msg"]), errors=errors)


def keep_edges(
    rows: Sequence[dict[str, Any]], statuses: Mapping[uuid.UUID, str]
) -> Steps[set[uuid.UUID]]:
    """Write the edges of new tasks. Returns those that had to end, by what they need, at once."""
    edges = [
        {"task_id": row["id"], "needs_id": each, "told": statuses[each] not in ACTIVE}
        for row in rows
        for each in _needs(row)
    ]
    for start in range(0, len(edges), PAGE):
        yield queries.insert_edges(edges[start : start + PAGE]), None
    ended: set[uuid.UUID] = set()
    for row in rows:
        ending = ending_of({each: statuses[each] for each in _needs(row)})
        if row["on_dependency_failure"] == FAIL and ending is not None:
            event, why = ending
            yield queries.end(event), {"task": row["id"], "why": why}
            ended.add(row["id"])
    return ended


def ending_of(needed: Mapping[uuid.UUID, str]) -> tuple[Event, dict[str, Any]] | None:
    """How a task with the policy `fail` ends, by the statuses of what it needs; None: it does not.

    A failure counts before a cancel.
    """
    for status, event in (
        (TaskStatus.FAILED, Event.DEPENDENCY_FAILED),
        (TaskStatus.REVOKED, Event.DEPENDENCY_REVOKED),
    ):
        culprits = [each for each, ended in needed.items() if ended == status]
        if culprits:
            return event, _why(event, min(culprits))
    return None


def _why(event: Event, culprit: uuid.UUID) -> dict[str, Any]:
    """The `error` of a task that ends because of `culprit`, which it needs."""
    ended = "failed" if event is Event.DEPENDENCY_FAILED else "was revoked or deleted"
    return {
        "type": event.value,
        "message": f"task {culprit}, on which it depends, {ended}",
        "traceback": None,
        "attempt": 0,
    }
