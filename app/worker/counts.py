"""What an agent has counted since its last heartbeat, which adds it to the system's counters."""

from __future__ import annotations

import threading
from collections import Counter

from sqlalchemy.exc import SQLAlchemyError

from app.db.session import Database
from app.domain.counters import Counted
from app.queries.metrics import add_to_counter


class Counts:
    """Thread-safe: duties count in threads of their own.

    What an agent that is killed has not written is not counted. Nothing but rare events belongs here:
    what every task does is counted by the database (`app.db.triggers`).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[tuple[str, str]] = Counter()

    def add(self, name: Counted, label: str = "", number: int = 1) -> None:
        """It has happened so often."""
        if number:
            with self._lock:
                self._counted[name.value, label] += number

    def write(self, database: Database) -> None:
        """Add what was counted to the counters, in the order of their keys: others do the same.

        Raises when the database is away; then it comes with the next heartbeat. If only the answer got
        lost, it is counted twice.
        """
        with self._lock:
            counted, self._counted = self._counted, Counter()
        rows = [
            {"name": name, "label": label, "value": number}
            for (name, label), number in sorted(counted.items())
        ]
        if not rows:
            return
        try:
            with database.transaction() as connection:
                connection.execute(add_to_counter(), rows)
        except SQLAlchemyError:
            with self._lock:
                self._counted.update(counted)
            raise
