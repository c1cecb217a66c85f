"""What beat does at each tick: fire what is due, once, however many beats do the same."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app import dispatch, events
from app.core.errors import Invalid
from app.core.logging import get_logger
from app.db.session import Database
from app.domain import cron
from app.queries import schedules as queries
from app.queries import tasks as task_queries
from app.scheduler.entries import Entry, EntryRefused
from app.services.building import build_row
from app.services.catalogue import Catalogue

# Another beat may take over the slot when this one is stopped in the middle of a firing.
PATIENCE_IN_TRANSACTION = "5s"

log = get_logger(__name__)


@dataclass(slots=True)
class Report:
    """What one tick did. `wait_seconds` until the next slot; None when nothing is planned."""

    fired: list[uuid.UUID] = field(default_factory=list)
    wait_seconds: float | None = None


def sync(database: Database, definitions: Mapping[str, cron.Definition]) -> None:
    """Make the static schedules of the database those of the code.

    A new one fires first one interval, or at the next time of its crontab, from now. One whose
    times changed starts anew; one that is no longer in the code is forgotten.
    """
    with database.transaction() as connection:
        moment = connection.execute(queries.clock()).scalar_one()
        known = {row.name: row for row in connection.execute(queries.all_locked())}
        rows = [
            {
                "name": name,
                "source": queries.STATIC,
                "definition": definition,
                "next_fire": cron.following(definition, moment),
            }
            for name, definition in sorted(definitions.items())
            if name not in known
        ]
        if rows:
            connection.execute(queries.add(rows))
        for name, row in known.items():
            if row.source == queries.STATIC and name in definitions:
                _redefine(connection, row, definitions[name], moment)
        connection.execute(queries.remove_static_but(definitions))
    for name in sorted(definitions):
        if name in known and known[name].source != queries.STATIC:
            log.error("a schedule of that name was made at run time; rename the one in the code",
                      schedule=name)  # fmt: skip


def _redefine(
    connection: Connection, row: Any, definition: cron.Definition, moment: datetime
) -> None:
    if row.definition != definition:
        following = cron.following(definition, moment)
        connection.execute(queries.redefine(row.name, definition, following))


def run_once(database: Database, entries: Mapping[str, Entry], catalogue: Catalogue) -> Report:
    """Fire every due entry and say when the next one is due."""
    report = Report()
    if not entries:
        return report
    for name in database.execute(queries.due(entries)).column():
        if fired := fire(database, entries[name], catalogue):
            report.fired.append(fired)
    row = database.execute(queries.next_slot(entries)).one()
    slot, moment = row.slot, row.moment
    if slot is not None:
        report.wait_seconds = max((slot - moment).total_seconds(), 0.0)
    return report


def fire(database: Database, entry: Entry, catalogue: Catalogue) -> uuid.UUID | None:
    """Fire the entry's slot, if it is still due and nobody else does; the id of its task.

    Slot, task and the step to the next slot are one transaction: a beat that dies, or is frozen
    and thawed much later, has either done all of it or nothing. What it believed to be due is
    judged again under the lock, by the database's clock.
    """
    with database.transaction() as connection:
        _limit_idleness(connection)
        found = connection.execute(queries.lock_if_due(entry.name)).first()
        if found is None:
            return None
        definition, slot, moment = found
        row = _row(entry, catalogue, moment)
        if row is not None:
            taken = connection.execute(queries.record_fire(entry.name, slot, row["id"])).first()
            if taken is None:
                row = None
            else:
                connection.execute(task_queries.insert_tasks([row])).all()
        following = cron.advance(definition, slot, moment)
        connection.execute(queries.advance(entry.name, slot, following))
    if row is None:
        return None
    log.info("schedule fired", schedule=entry.name, task_id=str(row["id"]), slot=slot.isoformat())
    dispatch.wake(row["queue"], added=True)
    events.changed([row["id"]])
    task_id: uuid.UUID = row["id"]
    return task_id


def _row(entry: Entry, catalogue: Catalogue, moment: datetime) -> dict[str, Any] | None:
    """The task of this firing; None, said in the log, when the code of the entry cannot make it.

    The slot is then passed over: trying again at every tick would only repeat the sentence.
    """
    try:
        return build_row(entry.new_task(moment), catalogue)
    except (Invalid, EntryRefused) as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a lazy argument is code of the user's
        reason = f"{type(error).__name__}: {error}"
    log.error("schedule did not fire", schedule=entry.name, reason=reason)
    return None


def _limit_idleness(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # A beat that is frozen here keeps the row's lock, and nobody else would ever fire it.
        connection.exec_driver_sql(
            f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE_IN_TRANSACTION}'"
        )
