"""The triggers on `tasks`: whatever changes a task, by whatever road, is noted in four more tables.

In the database and not in the statements, so that no statement can forget it, neither one that
is written next year nor one of an older version that still runs during an upgrade.

`task_deltas` gets every change of a status, to be counted. A start (pending -> running) is not
written down: what runs is few, and is counted from the rows. So an attempt costs one append, at its
end. `task_entries` gets what lists are filtered by; a task that nobody edits costs one row there, for
as long as there is the task. `failure_notes` gets every attempt that fails, and the removal of a task
that may have had one; an attempt that succeeds costs nothing there. `name_notes` gets the id of every
task that is made or renamed.

PostgreSQL looks at updates row by row, because only a row's trigger can be bound to a column: one
that does not name `status` (a heartbeat, a report, a mark) pays nothing. Inserts and deletes come in
crowds and are done once a statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect


@dataclass(frozen=True, slots=True)
class _Trigger:
    """`postgresql` and `sqlite` say when; on PostgreSQL the body is a function."""

    writes: str
    postgresql: str
    body: str
    sqlite: str = ""


_CREATED = "AFTER INSERT ON tasks REFERENCING NEW TABLE AS rows FOR EACH STATEMENT"
_REMOVED = "AFTER DELETE ON tasks REFERENCING OLD TABLE AS rows FOR EACH STATEMENT"
# The rows are still there: it runs before.
_TRUNCATED = "BEFORE TRUNCATE ON tasks FOR EACH STATEMENT"

_COLUMNS = "user_id, task_type, celery_task_name, queue, was, now, number"
# Neither a write of the same status nor a start.
_COUNTS = "OLD.status <> NEW.status AND NOT (OLD.status = 'pending' AND NEW.status = 'running')"
_ENDED = """
    NEW.user_id, NEW.task_type, NEW.celery_task_name, NEW.queue, OLD.status, NEW.status, 1,
    CASE WHEN OLD.status = 'running' THEN OLD.ready_at END,
    CASE WHEN OLD.status = 'running' THEN OLD.started_at END,
    NEW.completed_at"""
# What was given back without spending a try was interrupted, or asked to run again later; if its
# process died, it has failed all the same.
_FAILED = """OLD.status = 'running' AND (NEW.status = 'failed' OR (NEW.status = 'pending'
    AND (NEW.tries = OLD.tries OR NEW.crash_count > OLD.crash_count)))"""
# Tasks of which an attempt may have failed. Most have succeeded at once.
_MAY_HAVE_FAILED = "{row}attempt > 1 OR ({row}attempt = 1 AND {row}status <> 'succeeded')"
_LISTED = ("user_id", "task_type", "celery_task_name", "queue", "priority", "owner_ref")
_ENTRY = ", ".join(("id", *_LISTED))
_NEW_ENTRY = ", ".join(f"NEW.{name}" for name in ("id", *_LISTED))
_EDIT = ", ".join(f"{name} = NEW.{name}" for name in _LISTED)
_RENAMED = "AFTER UPDATE OF name ON tasks"
_EDITED = f"AFTER UPDATE OF {', '.join(_LISTED)} ON tasks"

TRIGGERS = {
    "task_delta_created": _Trigger(
        "task_deltas",
        _CREATED,
        f"""
    INSERT INTO task_deltas ({_COLUMNS}, created_at, completed_at)
    SELECT user_id, task_type, celery_task_name, queue, NULL, status, count(*),
           date_trunc('hour', created_at, 'UTC'), date_trunc('hour', completed_at, 'UTC')
    FROM rows GROUP BY user_id, task_type, celery_task_name, queue, status, 8, 9;""",
        f"""AFTER INSERT ON tasks BEGIN
    INSERT INTO task_deltas ({_COLUMNS}, created_at, completed_at)
    VALUES (NEW.user_id, NEW.task_type, NEW.celery_task_name, NEW.queue, NULL, NEW.status, 1,
            NEW.created_at, NEW.completed_at); END""",
    ),
    "task_delta_changed": _Trigger(
        "task_deltas",
        f"AFTER UPDATE OF status ON tasks FOR EACH ROW WHEN ({_COUNTS})",
        f"""
    INSERT INTO task_deltas ({_COLUMNS}, ready_at, started_at, completed_at)
    VALUES ({_ENDED});""",
        f"""AFTER UPDATE OF status ON tasks WHEN {_COUNTS} BEGIN
    INSERT INTO task_deltas ({_COLUMNS}, ready_at, started_at, completed_at)
    VALUES ({_ENDED}); END""",
    ),
    "task_delta_removed": _Trigger(
        "task_deltas",
        _REMOVED,
        """
    INSERT INTO task_deltas (user_id, was, number)
    SELECT user_id, status, count(*) FROM rows GROUP BY user_id, status;""",
        """AFTER DELETE ON tasks BEGIN
    INSERT INTO task_deltas (user_id, was, number) VALUES (OLD.user_id, OLD.status, 1); END""",
    ),
    "task_delta_truncated": _Trigger(
        "task_deltas",
        _TRUNCATED,
        """
    INSERT INTO task_deltas (user_id, was, number)
    SELECT user_id, status, count(*) FROM tasks GROUP BY user_id, status;""",
    ),
    "task_entry_created": _Trigger(
        "task_entries",
        _CREATED,
        f"""
    INSERT INTO task_entries ({_ENTRY}) SELECT {_ENTRY} FROM rows;""",
        f"""AFTER INSERT ON tasks BEGIN
    INSERT INTO task_entries ({_ENTRY}) VALUES ({_NEW_ENTRY}); END""",
    ),
    "task_entry_changed": _Trigger(
        "task_entries",
        f"{_EDITED} FOR EACH ROW",
        f"""
    UPDATE task_entries SET {_EDIT} WHERE id = NEW.id;""",
        f"""{_EDITED} BEGIN
    UPDATE task_entries SET {_EDIT} WHERE id = NEW.id; END""",
    ),
    "task_entry_removed": _Trigger(
        "task_entries",
        _REMOVED,
        """
    DELETE FROM task_entries USING rows WHERE task_entries.id = rows.id;""",
        """AFTER DELETE ON tasks BEGIN
    DELETE FROM task_entries WHERE id = OLD.id; END""",
    ),
    "task_entry_truncated": _Trigger("task_entries", _TRUNCATED, " TRUNCATE task_entries;"),
    "failure_noted": _Trigger(
        "failure_notes",
        f"AFTER UPDATE OF status ON tasks FOR EACH ROW WHEN ({_FAILED})",
        """
    INSERT INTO failure_notes (task_id, attempt) VALUES (NEW.id, NEW.attempt);""",
        f"""AFTER UPDATE OF status ON tasks WHEN {_FAILED} BEGIN
    INSERT INTO failure_notes (task_id, attempt) VALUES (NEW.id, NEW.attempt); END""",
    ),
    "failures_removed": _Trigger(
        "failure_notes",
        _REMOVED,
        f"""
    INSERT INTO failure_notes (task_id)
    SELECT id FROM rows WHERE {_MAY_HAVE_FAILED.format(row="")};""",
        f"""AFTER DELETE ON tasks WHEN {_MAY_HAVE_FAILED.format(row="OLD.")} BEGIN
    INSERT INTO failure_notes (task_id) VALUES (OLD.id); END""",
    ),
    "failures_truncated": _Trigger(
        "failure_notes",
        _TRUNCATED,
        f"""
    INSERT INTO failure_notes (task_id)
    SELECT id FROM tasks WHERE {_MAY_HAVE_FAILED.format(row="")};""",
    ),
    "name_noted": _Trigger(
        "name_notes",
        _CREATED,
        """
    INSERT INTO name_notes (task_id) SELECT id FROM rows;""",
        """AFTER INSERT ON tasks BEGIN
    INSERT INTO name_notes (task_id) VALUES (NEW.id); END""",
    ),
    "name_changed": _Trigger(
        "name_notes",
        f"{_RENAMED} FOR EACH ROW",
        """
    INSERT INTO name_notes (task_id) VALUES (NEW.id);""",
        f"""{_RENAMED} BEGIN
    INSERT INTO name_notes (task_id) VALUES (NEW.id); END""",
    ),
}


def install(connection: Connection) -> None:
    """Put the triggers in place, where they are not, as far as there is what they write to.

    Every migration ends with it: to change a column, SQLite makes the table anew, and forgets
    the old one's triggers without a word.
    """
    there = set(inspect(connection).get_table_names())
    for name, trigger in TRIGGERS.items():
        if trigger.writes not in there:
            continue
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {trigger.body} RETURN NULL; END $$"
            )
            connection.exec_driver_sql(
                f"CREATE OR REPLACE TRIGGER {name} {trigger.postgresql} EXECUTE FUNCTION {name}()"
            )
        elif trigger.sqlite:
            connection.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {name} {trigger.sqlite}")


def remove(connection: Connection, table: str | None = None) -> None:
    """Take away those that write to the table; None takes away all."""
    for name, trigger in TRIGGERS.items():
        if table not in (None, trigger.writes):
            continue
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON tasks")
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}()")
