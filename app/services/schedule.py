"""Schedules as people have them: made, found, changed, held back, run out of turn, deleted.

`owner` None is for operators, who see everybody's and those of the code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import sensitive
from app.core.config import get_settings
from app.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from app.db.base import from_micros, to_micros
from app.db.ids import new_id
from app.db.session import take_turns
from app.domain import cron
from app.domain.schedule import Misfire, Skipped, Source
from app.models import EVERYBODY, Schedule, Task
from app.queries import schedules as queries
from app.queries.schedules import ScheduleFilter
from app.services import allowance, cursors, planning
from app.services.announcing import tell_all_after_commit
from app.services.building import draft
from app.services.catalogue import catalogue
from app.services.finding import find
from app.services.firing import fire_now, maker, new_task
from app.services.steps import carry_out
from app.services.transactions import undone_if_refused

__all__ = ["Page", "ScheduleFilter"]

# Fields of the submission that a schedule keeps, besides its name and its function.
TASK_FIELDS = frozenset({
    "task_type", "args", "kwargs", "priority", "queue", "tags", "max_attempts", "time_limit",
    "soft_time_limit", "owner_ref", "expires_in",
})  # fmt: skip
_OTHERS = ("name", "celery_task_name", "overlap", "misfire")
_ARGUMENTS: dict[str, Any] = {"args": [], "kwargs": {}}


@dataclass(frozen=True, slots=True)
class Page:
    """Schedules or firings in order, and where the next page begins (None: there is none)."""

    items: Sequence[Any]
    next_cursor: str | None


@undone_if_refused
async def create(
    db: AsyncSession, fields: Mapping[str, Any], *, user_id: uuid.UUID, by: str
) -> Schedule:
    """Make a schedule of the user's own; `fields` are those of the API, None where not given.

    `paused`: it is held back from the start. Raises `Invalid` for what never fires or cannot be
    submitted, `Conflict` for a name that the user has used, or when there are as many as may be.
    """
    values = {name: fields[name] for name in _OTHERS}
    values |= {"id": new_id(), "owner": user_id, "task": _task_of(fields)}
    _check_task(values)
    await take_turns(db, _turn(user_id))
    await _require_room(db, user_id)
    await _require_free(db, user_id, fields["name"])
    moment = await _clock(db)
    values["definition"], values["next_fire"] = planning.plan(fields, moment)
    if fields.get("paused"):
        values |= {"paused_at": moment, "paused_by": by}
    made: Schedule = (await db.scalars(queries.add(values))).one()
    await db.commit()
    return made


async def list_schedules(
    db: AsyncSession, wanted: ScheduleFilter, *, limit: int = 100, cursor: str | None = None
) -> Page:
    """One page of schedules, newest first. Raises `Invalid` for a cursor that is none."""
    after = None if cursor is None else _read_cursor(cursor)
    # One row more than asked for tells whether there is a next page.
    found = (await db.scalars(queries.newest(wanted, after, limit + 1))).all()
    more = len(found) > limit
    return Page(found[:limit], cursors.write(found[limit - 1].id.hex) if more else None)


async def get_schedule(
    db: AsyncSession, schedule_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> Schedule:
    """One schedule. Raises `NotFound`, the same for one that is somebody else's."""
    fresh = queries.get(schedule_id, owner).execution_options(populate_existing=True)
    schedule: Schedule | None = (await db.scalars(fresh)).first()
    if schedule is None:
        raise _unknown()
    return schedule


@undone_if_refused
async def edit(
    db: AsyncSession,
    schedule_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    owner: uuid.UUID | None = None,
    if_version: int | None = None,
) -> Schedule:
    """Change fields. One that says when has its next slot computed anew, from now.

    Raises `NotFound`, `PreconditionFailed`, `Conflict` for one of the code or a name that is taken,
    and `Invalid` as `create` does.
    """
    schedule, moment = await _lock(db, schedule_id, owner)
    _require_own(schedule)
    if if_version is not None and schedule.version != if_version:
        raise PreconditionFailed(
            f"The schedule is at version {schedule.version}, not {if_version}; read it again"
        )
    values = {name: changes[name] for name in _OTHERS if name in changes}
    values["task"] = _task_of({**schedule.task, **_with_kept(schedule, changes)})
    kept = {name: getattr(schedule, name) for name in ("owner", "name", "celery_task_name")}
    _check_task({**kept, **values})
    if "name" in values and values["name"] != schedule.name:
        await take_turns(db, _turn(schedule.owner))
        await _require_free(db, schedule.owner, values["name"])
    if when := {name: changes[name] for name in planning.FIELDS if name in changes}:
        fields = planning.changed(schedule.definition, when)
        values["definition"], values["next_fire"] = planning.plan(fields, moment)
    await db.execute(queries.edit_if(schedule.id, schedule.version, values))
    return await _after_change(db, schedule.id, owner)


@undone_if_refused
async def pause(
    db: AsyncSession, schedule_id: uuid.UUID, by: str, *, owner: uuid.UUID | None = None
) -> Schedule:
    """Hold a schedule back. Pausing again changes nothing. Raises `NotFound`."""
    await db.execute(queries.pause_if_going(schedule_id, owner, by))
    return await _after_change(db, schedule_id, owner)


@undone_if_refused
async def resume(
    db: AsyncSession, schedule_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> Schedule:
    """Let a schedule go on. Slots that it missed fire once, or not at all, as `misfire` says.

    Raises `NotFound`.
    """
    schedule, moment = await _lock(db, schedule_id, owner)
    if schedule.paused_at is not None:
        slot = schedule.next_fire
        if slot is not None and slot <= moment and schedule.misfire == Misfire.SKIP:
            following = cron.advance(schedule.definition, slot, moment)
            until = following or moment
            await db.execute(queries.record_skip(schedule.id, slot, Skipped.MISSED, until=until))
            slot = following
        await db.execute(queries.resume_if_paused(schedule.id, slot))
    return await _after_change(db, schedule.id, owner)


@undone_if_refused
async def run(db: AsyncSession, schedule_id: uuid.UUID, *, owner: uuid.UUID | None = None) -> Task:
    """Fire a schedule now, paused or not, besides its slots. Returns the task.

    Raises `NotFound`, `Invalid` when its task is not fit to be accepted any more, and `Conflict`
    while one that does not overlap has an unfinished task, or too many tasks of its owner wait.
    """
    schedule, moment = await _lock(db, schedule_id, owner)
    if schedule.task.get("by_code"):
        raise Conflict(
            "Its code decides at each firing what to run; submit that task itself",
            code="decided_by_code",
        )
    owner_id = None if schedule.owner == EVERYBODY else schedule.owner
    await allowance.require_room(owner_id)
    made = await carry_out(db, fire_now(schedule, moment, maker(schedule)))
    if isinstance(made, uuid.UUID):
        raise Conflict(
            f"Its task {made} has not finished, and overlap is skip; wait for it or cancel it",
            code="overlap",
        )
    tell_all_after_commit(db, {made["id"]: made["queue"]})
    task = await find(db, made["id"], None)
    assert task is not None
    await db.commit()
    return task


@undone_if_refused
async def delete(
    db: AsyncSession, schedule_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> None:
    """Delete a schedule; its tasks stay. Nobody sees its history any more.

    Raises `NotFound`, and `Conflict` for one of the code.
    """
    if (await db.execute(queries.remove(schedule_id, owner))).first() is None:
        _require_own(await get_schedule(db, schedule_id, owner=owner))
    await db.commit()


async def history(
    db: AsyncSession,
    schedule_id: uuid.UUID,
    *,
    owner: uuid.UUID | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """One page of what became of its slots, newest first.

    Raises `NotFound`, and `Invalid` for a cursor that is none.
    """
    schedule = await get_schedule(db, schedule_id, owner=owner)
    behind = None if cursor is None else _read_fire_cursor(cursor)
    found = (await db.execute(queries.history(schedule.id, behind, limit + 1))).all()
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], cursors.write(to_micros(last.fire_at), last.trigger))


def _task_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in TASK_FIELDS if fields.get(name) is not None}


def _with_kept(schedule: Schedule, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes; in arguments a mask stands for the sensitive value that the schedule has.

    Raises `Invalid` where another function would be given, and might show, what this one hides.
    """
    kept = {name: schedule.task.get(name) or empty for name, empty in _ARGUMENTS.items()}
    function = schedule.celery_task_name
    if changes.get("celery_task_name", function) == function:
        given = {**kept, **changes}
        args, kwargs = sensitive.restored(function, _pair(given), _pair(kept))
        restored = {"args": args, "kwargs": kwargs}
        return {name: restored.get(name, value) for name, value in changes.items()}
    hidden = dict(zip(_ARGUMENTS, sensitive.hide(function, *_pair(kept)), strict=True))
    for name in _ARGUMENTS:
        if name not in changes and hidden[name] != kept[name]:
            raise Invalid(
                f"{name}: some of them are not shown, so another function does not get them: give "
                f"{name} as well",
                errors=[{"loc": ["body", name], "msg": "Give them as well", "type": "sensitive"}],
            )
    return dict(changes)


def _pair(fields: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    return fields["args"], fields["kwargs"]


def _check_task(values: Mapping[str, Any]) -> None:
    """Whether its task would be accepted now. Raises `Invalid`."""
    draft(new_task(Schedule(**values), datetime.now(UTC)), catalogue())


def _turn(user_id: uuid.UUID) -> str:
    # Of those that count a user's schedules, or look at their names, one does at a time.
    return f"schedules:{user_id}"


async def _require_room(db: AsyncSession, user_id: uuid.UUID) -> None:
    most = get_settings().schedules_per_user
    if (await db.scalar(queries.number_of(user_id)) or 0) >= most:
        raise Conflict(
            f"You have {most} schedules, as many as a user may have (SCHEDULES_PER_USER); delete one",
            code="too_many_schedules",
        )


async def _require_free(db: AsyncSession, user_id: uuid.UUID, name: str) -> None:
    taken = await db.scalar(queries.by_name(user_id, name))
    if taken is not None:
        raise Conflict(f"The schedule {taken} has this name; choose another", code="name_taken")


async def _clock(db: AsyncSession) -> datetime:
    moment: datetime = (await db.scalars(queries.clock())).one()
    return moment


async def _lock(
    db: AsyncSession, schedule_id: uuid.UUID, owner: uuid.UUID | None
) -> tuple[Schedule, datetime]:
    found = (await db.execute(queries.lock(schedule_id, owner))).first()
    if found is None:
        raise _unknown()
    schedule, moment = found
    return schedule, moment


def _require_own(schedule: Schedule) -> None:
    if schedule.source == Source.STATIC:
        raise Conflict(
            "This schedule stands in the code (beat_schedule); change it there, or pause it here",
            code="static_schedule",
        )


async def _after_change(
    db: AsyncSession, schedule_id: uuid.UUID, owner: uuid.UUID | None
) -> Schedule:
    schedule = await get_schedule(db, schedule_id, owner=owner)
    await db.commit()
    return schedule


def _unknown() -> NotFound:
    return NotFound("There is no such schedule")


def _read_cursor(cursor: str) -> uuid.UUID:
    try:
        (schedule_id,) = cursors.read(cursor)
        return uuid.UUID(hex=schedule_id)
    except (ValueError, TypeError, AttributeError):
        raise cursors.refused() from None


def _read_fire_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        micros, trigger = cursors.read(cursor)
        if type(micros) is not int or type(trigger) is not str:
            raise ValueError(cursor)
        return from_micros(micros), trigger
    except (ValueError, TypeError, OverflowError):
        raise cursors.refused() from None
