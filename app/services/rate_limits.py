"""The `rate_limit` of functions, as limits."""

from __future__ import annotations

from sqlalchemy import Connection

from app import dispatch
from app.db.session import Database
from app.domain.limits import Rate
from app.models import LimitKind
from app.places import limit_of
from app.queries import limits as queries
from app.services.catalogue import Catalogue

TASK = LimitKind.TASK.value


def sync(database: Database, catalogue: Catalogue) -> None:
    """Have each function that says `rate_limit` in the code limited so, where nobody said otherwise.

    A function that this catalogue does not have is left as it is: workers of another version may.
    """
    declared = {name: info.rate for name, info in catalogue.tasks.items()}
    known = {row.name: row for row in database.execute(queries.of_tasks()).all()}
    changed = {
        name: rate
        for name, rate in declared.items()
        if ((row := known.get(name)) is None and rate is not None)
        or (row is not None and row.updated_by is None and limit_of(row).rate != rate)
    }
    if not changed:
        return
    with database.transaction() as connection:
        queues = list(connection.execute(queries.lock_queues()).scalars())
        for name, rate in sorted(changed.items()):
            _write(connection, name, rate)
        connection.execute(queries.regulate_all())
    for queue in queues:
        dispatch.wake(queue)


def _write(connection: Connection, name: str, rate: Rate | None) -> None:
    """Not over what somebody has said meanwhile."""
    if rate is None:
        connection.execute(queries.remove_declared(TASK, name))
    else:
        connection.execute(queries.put_declared(TASK, name, rate.count, rate.seconds))
