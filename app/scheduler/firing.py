"""What beat does at each tick: fire what is due, once, however many beats do the same."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app import dispatch, events
from app.core import tracing
from app.core.errors import Invalid
from app.core.logging import get_logger
from app.db.base import dump_json
from app.db.ids import new_id
from app.db.session import Database
from app.domain import cron
from app.domain.schedule import Source
from app.queries import schedules as queries
from app.scheduler.entries import Entry, EntryRefused
from app.services.building import build_row
from app.services.catalogue import Catalogue
from app.services.firing import Maker, fire_slot, maker
from app.services.steps import carry_out_on
from app.services.traces import note_task

# Another beat may take over the slot when this one is stopped in the middle of a firing.
PATIENCE_IN_TRANSACTION = "5s"
# Of one tick; the next one follows at once.
MOST_DUE = 200
# Before what cannot be fired is tried again.
REST_SECONDS = 1.0

log = get_logger(__name__)


@dataclass(slots=True)
class Report:
    """What one tick did. `wait_seconds` until the next slot; None when nothing is planned."""

    fired: list[uuid.UUID] = field(default_factory=list)
    wait_seconds: float | None = None


def sync(database: Database, entries: Mapping[str, Entry]) -> None:
    """Make the static schedules of the database those of the code.

    A new one first fires one interval, or at the next time of its crontab, from now. One whose
    times changed starts anew; one that is no longer in the code is forgotten.
    """
    with database.transaction() as connection:
        moment = connection.execute(queries.clock()).scalar_one()
        known = {row.name: row for row in connection.execute(queries.all_static_locked())}
        rows = [
            {
                "id": new_id(),
                "name": name,
                **_said(entry),
                "next_fire": cron.following(entry.definition, moment),
            }
            for name, entry in sorted(entries.items())
            if name not in known
        ]
        if rows:
            connection.execute(queries.add_static(rows))
        for name, row in known.items():
            if name in entries:
                _redefine(connection, row, entries[name], moment)
        connection.execute(queries.remove_static_but(entries))


def _said(entry: Entry) -> dict[str, Any]:
    """What the code says, as far as the database keeps it."""
    return {
        "definition": entry.definition,
        "celery_task_name": entry.task,
        "task": entry.shown(),
    }


def _redefine(connection: Connection, row: Any, entry: Entry, moment: datetime) -> None:
    said = _said(entry)
    if all(dump_json(getattr(row, name)) == dump_json(value) for name, value in said.items()):
        return
    if row.definition != entry.definition:
        said["next_fire"] = cron.following(entry.definition, moment)
    connection.execute(queries.redefine(row.id, said))


def run_once(database: Database, entries: Mapping[str, Entry], catalogue: Catalogue) -> Report:
    """Fire every due schedule and say when the next one is due."""
    report = Report()
    names = {"names": sorted(entries)}
    shortest = 0.0
    for row in database.execute(queries.due(MOST_DUE), names).all():
        entry = entries[row.name] if row.source == Source.STATIC else None
        try:
            fired = fire(database, row.id, entry, catalogue)
        except SQLAlchemyError:
            raise
        except Exception:  # one that cannot even be read must not keep the others from firing
            log.exception("schedule cannot be fired", schedule=row.name, id=str(row.id))
            shortest = REST_SECONDS
        else:
            report.fired += [fired] if fired else []
    following = database.execute(queries.next_slot(), names).first()
    if following is not None:
        wait = following.slot - following.moment
        report.wait_seconds = max(wait.total_seconds(), shortest)
    return report


def fire(
    database: Database, schedule_id: uuid.UUID, entry: Entry | None, catalogue: Catalogue
) -> uuid.UUID | None:
    """Fire a schedule's slot, if it is still due and nobody else does; the id of its task.

    `entry` is what the code says, of one of the code. Slot, task and the step to the next slot are
    one transaction: a beat that dies, or is frozen and thawed much later, has either done all of it
    or nothing. What it believed to be due is judged again under the lock, by the database's clock.
    """
    facts = {"messaging.system": tracing.SYSTEM, "tasksystem.schedule.id": str(schedule_id)}
    with tracing.span("fire", "producer", facts) as span, database.transaction() as connection:
        _limit_idleness(connection)
        found = connection.execute(queries.lock_if_due(), {"id": schedule_id}).first()
        if found is None:
            return None
        make = maker(found, catalogue) if entry is None else _by_code(entry, catalogue)
        task = carry_out_on(connection, fire_slot(found, _guarded(make)))
        if isinstance(task, dict):
            note_task(span, task["id"], task["celery_task_name"], task["queue"])
    if isinstance(task, str):
        log.error("schedule did not fire", schedule=found.name, reason=task)
    if not isinstance(task, dict):
        return None
    task_id: uuid.UUID = task["id"]
    slot = found.next_fire.isoformat()
    log.info("schedule fired", schedule=found.name, task_id=str(task_id), slot=slot)
    dispatch.wake(task["queue"], added=True)
    events.changed([task_id])
    return task_id


def _by_code(entry: Entry, catalogue: Catalogue) -> Maker:
    """What makes the tasks of an entry of the code."""
    return lambda moment: build_row(entry.new_task(moment), catalogue)


def _guarded(make: Maker) -> Maker:
    """The same, which refuses whatever goes wrong."""

    def guarded(moment: datetime) -> dict[str, Any]:
        try:
            return make(moment)
        except Invalid:
            raise
        except EntryRefused as error:
            raise Invalid(str(error)) from None
        except Exception as error:  # noqa: BLE001 - a lazy argument is code of the user's
            raise Invalid(f"{type(error).__name__}: {error}") from None

    return guarded


def _limit_idleness(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # A beat that is frozen here keeps the row's lock, and nobody else would ever fire it.
        connection.exec_driver_sql(
            f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE_IN_TRANSACTION}'"
        )
