"""A PostgreSQL database that a test has used, made fresh again.

Making one and dropping it takes a quarter of a second and two flushes of everything; emptying one
takes a few milliseconds. One whose schema a test has changed is not used again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[object, ...]]

_SCHEMA = """
SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
    SELECT concat_ws(' ', relname, relkind, reloptions) AS line
      FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', relname, attname, atttypid, attnotnull, attisdropped)
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL
    SELECT concat_ws(' ', relname, tgname, tgenabled)
      FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', conrelid::regclass, conname, convalidated)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', relname, indisvalid, indisready)
      FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', proname, md5(prosrc))
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', setconfig)
      FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
     WHERE datname = current_database()
) AS lines
"""
_WRITTEN = """
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
_FORGET = """
DELETE FROM pg_statistic
 WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_LOOK_SECONDS, _PATIENCE_SECONDS = 0.002, 5.0


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a database holds when a test gets it: its schema's fingerprint, and its few rows."""

    schema: object
    rows: dict[str, bytes]
    sequences: dict[str, object]

    @staticmethod
    def of(connection: Connection) -> Fresh:
        """Read it from one that nobody has used."""
        rows = {}
        for name in _column(connection, _WRITTEN):
            copy = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))
            with connection.cursor().copy(copy) as out:
                rows[name] = b"".join(bytes(part) for part in out)
        sequences = {str(name): value for name, value in connection.execute(_SEQUENCES)}
        return Fresh(_column(connection, _SCHEMA)[0], rows, sequences)

    def restore(self, connection: Connection) -> bool:
        """Bring a used one to the same state, whoever is still connected; False if it cannot be."""
        if not _end_others(connection):
            return False
        if _column(connection, _SCHEMA)[0] != self.schema:
            return False
        # No triggers: those that count would count the emptying.
        connection.execute("SET session_replication_role = replica")
        if written := _column(connection, _WRITTEN):
            names = sql.SQL(", ").join(map(sql.Identifier, written))
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
        for name, rows in self.rows.items():
            copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
            with connection.cursor().copy(copy) as into:
                into.write(rows)
        for name, value in self.sequences.items():
            if value is None:
                connection.execute(
                    sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(name))
                )
            else:
                connection.execute("SELECT setval(%s, %s)", (name, value))
        # What the planner and the monitoring learned from the rows of before.
        connection.execute(_FORGET)
        connection.execute("SELECT pg_stat_reset()")
        return True


def _end_others(connection: Connection) -> bool:
    """End all other sessions; False if some do not end or come again.

    PostgreSQL's own way to wait for that looks every 100 ms.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while connection.execute(_OTHERS).rowcount:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _column(connection: Connection, statement: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement)]
