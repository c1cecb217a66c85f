"""The triggers on `tasks`: whatever changes a task, by whatever road, is noted in six more tables.

In the database and not in the statements, so that no statement can forget it, neither one that
is written next year nor one of an older version that still runs during an upgrade.

`task_deltas` gets every change of a status, to be counted. A start (pending -> running) is not
written down: what runs is few, and is counted from the rows. So an attempt costs one append, at its
end. `task_entries` gets what lists are filtered by; a task that nobody edits costs one row there, for
as long as there is the task. `failure_notes` gets every attempt that fails, and the removal of a task
that may have had one; an attempt that succeeds costs nothing there. `webhook_deliveries` gets the end of a
task once for each webhook that is to be told; where there is none, the end costs one look at an empty
table. Nothing there can make the end of a task fail or wait. `subtask_deltas` gets what happens to tasks
that have a parent. `name_notes` gets the id of every task that is made or renamed.

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
# `domain.subtasks`: hundredths of a percent, and what has ended is done.
_DONE = """CASE WHEN {row}.status IN ('pending', 'running')
    THEN CAST(round({row}.progress * 100) AS INTEGER) ELSE 10000 END"""
_WAS_DONE, _IS_DONE = _DONE.format(row="OLD"), _DONE.format(row="NEW")
_MOVED = """NEW.parent_id IS NOT NULL
    AND (OLD.status <> NEW.status OR OLD.progress <> NEW.progress)"""
_SUBTASK = "parent_id, was, now, number, done"
_LISTED = ("user_id", "task_type", "celery_task_name", "queue", "priority", "owner_ref")
_ENTRY = ", ".join(("id", *_LISTED))
_NEW_ENTRY = ", ".join(f"NEW.{name}" for name in ("id", *_LISTED))
_EDIT = ", ".join(f"{name} = NEW.{name}" for name in _LISTED)
_RENAMED = "AFTER UPDATE OF name ON tasks"
_EDITED = f"AFTER UPDATE OF {', '.join(_LISTED)} ON tasks"

# A task ends once, and is never inserted at its end.
_ENDS = "OLD.status <> NEW.status AND NEW.status NOT IN ('pending', 'running')"
_ANYBODY_LISTENS = "EXISTS (SELECT 1 FROM webhooks WHERE active)"
_TOLD_TIMES = ("created_at", "started_at", "completed_at")
# Of the task as it ended. JSON is text here, so `tags` and `error` are texts in the snapshot: they
# are taken apart where nothing fails with it.
_TOLD = (
    "name", "task_type", "celery_task_name", "queue", "priority", "status", "reason", "attempt",
    "user_id", "owner_ref", "parent_id", "retry_of", "tags", "error",
)  # fmt: skip
_MICROS = "(extract(epoch FROM NEW.{}) * 1000000)::bigint"
_SQLITE_MS = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"
# UUIDv7: milliseconds, the version, and of a random one what comes after its version.
_POSTGRESQL_ID = """(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"""
_SQLITE_ID = f"""lower(printf('%012x7', {_SQLITE_MS}) || substr(hex(randomblob(2)), 2)
        || '8' || substr(hex(randomblob(8)), 2))"""


def _deliveries(id_: str, now: str, json_object: str, time: str) -> str:
    """One delivery for each webhook that wants to know; `time` is a time in microseconds."""
    fields = [f"'{name}', NEW.{name}" for name in _TOLD]
    fields += [f"'{name}', {time.format(name)}" for name in _TOLD_TIMES]
    snapshot = json_object.format(", ".join(fields))
    return f"""
    INSERT INTO webhook_deliveries (id, webhook_id, type, task_id, snapshot, status, attempts,
                                    next_attempt_at, created_at)
    SELECT {id_}, w.id, 'task.' || NEW.status, NEW.id, {snapshot}, 'pending', 0, {now}, {now}
    FROM webhooks w
    WHERE w.active AND w.owner IN (NEW.user_id, '{"0" * 32}')
      AND replace(w.events, NEW.status, '') <> w.events
      AND (w.task_type IS NULL OR w.task_type = NEW.task_type)
      AND (w.celery_task_name IS NULL OR w.celery_task_name = NEW.celery_task_name)
      AND (w.queue IS NULL OR w.queue = NEW.queue)
      AND (w.tag IS NULL OR EXISTS
           (SELECT 1 FROM task_tags t WHERE t.task_id = NEW.id AND t.tag = w.tag));"""


def _subtasks(event: str, when: str, values: str) -> _Trigger:
    """One that writes the values down for the parent."""
    body = f"INSERT INTO subtask_deltas ({_SUBTASK}) VALUES ({values});"
    return _Trigger(
        "subtask_deltas",
        f"{event} FOR EACH ROW WHEN ({when})",
        body,
        f"{event} WHEN {when} BEGIN {body} END",
    )


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
    "webhooks_told": _Trigger(
        "webhook_deliveries",
        f"AFTER UPDATE OF status ON tasks FOR EACH ROW WHEN ({_ENDS})",
        f"""
    IF {_ANYBODY_LISTENS} THEN
    {_deliveries(_POSTGRESQL_ID, "clock_timestamp()", "json_build_object({})::text", _MICROS)}
    END IF;""",
        f"""AFTER UPDATE OF status ON tasks WHEN {_ENDS} AND {_ANYBODY_LISTENS} BEGIN
    {_deliveries(_SQLITE_ID, f"{_SQLITE_MS} * 1000", "json_object({})", "NEW.{}")} END""",
    ),
    # Row by row also where they come in crowds: so what is no subtask costs no statement.
    "subtask_made": _subtasks(
        "AFTER INSERT ON tasks",
        "NEW.parent_id IS NOT NULL",
        f"NEW.parent_id, NULL, NEW.status, 1, {_IS_DONE}",
    ),
    "subtask_moved": _subtasks(
        "AFTER UPDATE OF status, progress ON tasks",
        _MOVED,
        f"NEW.parent_id, OLD.status, NEW.status, 1, {_IS_DONE} - {_WAS_DONE}",
    ),
    "subtask_removed": _subtasks(
        "AFTER DELETE ON tasks",
        "OLD.parent_id IS NOT NULL",
        f"OLD.parent_id, OLD.status, NULL, 1, -({_WAS_DONE})",
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
