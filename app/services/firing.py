"""Firing a schedule: the statements it takes, whoever does it, a beat or a request."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from app.core.errors import Invalid
from app.domain import cron
from app.domain.schedule import Overlap, Skipped, Trigger, is_missed
from app.models import EVERYBODY
from app.queries import schedules as queries
from app.services.building import NewTask, build_row
from app.services.catalogue import Catalogue, catalogue
from app.services.inserting import insertion
from app.services.steps import Steps

# How a task of a schedule is called where the schedule does not say.
TASK_TYPE = "scheduled"
_TICK = timedelta(microseconds=1)

TaskRow = dict[str, Any]
# The task of a firing at that moment. Raises `Invalid` when there can be none.
Maker = Callable[[datetime], TaskRow]


def new_task(schedule: Any, moment: datetime) -> NewTask:
    """The submission of one firing, as the schedule's row says."""
    fields = dict(schedule.task)
    expires_in = fields.pop("expires_in", None)
    return NewTask(
        name=schedule.name,
        celery_task_name=schedule.celery_task_name,
        user_id=None if schedule.owner == EVERYBODY else schedule.owner,
        expires_at=None if expires_in is None else moment + timedelta(seconds=expires_in),
        **{"task_type": TASK_TYPE, **fields},
    )


def maker(schedule: Any, known: Catalogue | None = None) -> Maker:
    """What makes the tasks of a schedule as its row says."""

    def make(moment: datetime) -> TaskRow:
        return build_row(new_task(schedule, moment), known or catalogue())

    return make


def fire_slot(schedule: Any, make: Maker) -> Steps[TaskRow | str | None]:
    """Deal with the slot that has come of a row of `lock_if_due`, and go on to the next one.

    Returns the task that it has made, or, of one whose task is refused, why; else None.
    """
    slot, moment, definition = schedule.next_fire, schedule.moment, schedule.definition
    following = cron.advance(definition, slot, moment)
    task: TaskRow | str | None = None
    if is_missed(slot, moment, schedule.misfire):
        until = following or moment
        yield queries.record_skip(schedule.id, slot, Skipped.MISSED, until=until), None
    elif (busy := (yield from _unfinished(schedule))) is not None:
        yield queries.record_skip(schedule.id, slot, Skipped.OVERLAP, detail=str(busy)), None
        yield from _leave_out(schedule, following)
    else:
        task = yield from _make(schedule, make)
        yield from _leave_out(schedule, following)
    fired = task["id"] if isinstance(task, dict) else None
    yield queries.advance(schedule.id, slot, following, fired), None
    return task


def fire_now(schedule: Any, moment: datetime, make: Maker) -> Steps[TaskRow | uuid.UUID]:
    """Fire a locked schedule out of turn; the slots stay as they are.

    Returns the task that it has made, or the id of the one for which it has to wait. Raises
    `Invalid`.
    """
    busy = yield from _unfinished(schedule)
    if busy is not None:
        return busy
    row = make(moment)
    # Two may be asked for within the same tick of the clock.
    while not (yield queries.record_fire(schedule.id, moment, Trigger.MANUAL, row["id"]), None):
        moment += _TICK
    yield from insertion([row], row["user_id"])
    yield queries.remember(schedule.id, row["id"]), None
    return row


def _unfinished(schedule: Any) -> Steps[uuid.UUID | None]:
    """The last task, if it has not finished and the next one has to wait for that."""
    last: uuid.UUID | None = schedule.last_task_id
    if schedule.overlap != Overlap.SKIP or last is None:
        return None
    return last if (yield queries.unfinished(last), None) else None


def _make(schedule: Any, make: Maker) -> Steps[TaskRow | str | None]:
    try:
        if schedule.owner_gone:
            raise Invalid("The account of its owner is disabled")
        row = make(schedule.moment)
    except Invalid as error:
        # Trying again at every tick would only repeat the sentence.
        refused = queries.record_skip(
            schedule.id, schedule.next_fire, Skipped.REFUSED, detail=error.detail
        )
        yield refused, None
        return error.detail
    taken = yield (
        queries.record_fire(schedule.id, schedule.next_fire, Trigger.SLOT, row["id"]),
        None,
    )
    if not taken:
        return None
    yield from insertion([row], row["user_id"])
    return row


def _leave_out(schedule: Any, following: datetime | None) -> Steps[None]:
    """Note the slots that have passed meanwhile: one firing stands for all of them."""
    second = cron.advance(schedule.definition, schedule.next_fire, schedule.next_fire)
    if second is not None and second <= schedule.moment:
        until = following or schedule.moment
        yield queries.record_skip(schedule.id, second, Skipped.MISSED, until=until), None
