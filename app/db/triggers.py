"""The triggers that write `task_deltas`: whatever changes a status, by whatever road, is counted.

In the database and not in the statements, so that no statement can forget it, neither one that
is written next year nor one of an older version that still runs during an upgrade.

A start (pending -> running) is not written down: what runs is few, and is counted from the rows.
So an attempt costs one append, at its end.

PostgreSQL looks at updates row by row, because only a row's trigger can be bound to a column: one
that does not name `status` (a heartbeat, a report, a mark) pays nothing. Inserts and deletes come in
crowds and are added up once a statement.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect

_COLUMNS = "user_id, task_type, celery_task_name, queue, was, now, number"
# Neither a write of the same status nor a start.
_COUNTS = "OLD.status <> NEW.status AND NOT (OLD.status = 'pending' AND NEW.status = 'running')"
_ENDED = """
    NEW.user_id, NEW.task_type, NEW.celery_task_name, NEW.queue, OLD.status, NEW.status, 1,
    CASE WHEN OLD.status = 'running' THEN OLD.ready_at END,
    CASE WHEN OLD.status = 'running' THEN OLD.started_at END,
    NEW.completed_at"""

_FUNCTIONS = {
    "task_delta_created": f"""
    INSERT INTO task_deltas ({_COLUMNS}, created_at, completed_at)
    SELECT user_id, task_type, celery_task_name, queue, NULL, status, count(*),
           date_trunc('hour', created_at, 'UTC'), date_trunc('hour', completed_at, 'UTC')
    FROM rows GROUP BY user_id, task_type, celery_task_name, queue, status, 8, 9;
    RETURN NULL;""",
    "task_delta_changed": f"""
    INSERT INTO task_deltas ({_COLUMNS}, ready_at, started_at, completed_at)
    VALUES ({_ENDED});
    RETURN NULL;""",
    "task_delta_removed": """
    INSERT INTO task_deltas (user_id, was, number)
    SELECT user_id, status, count(*) FROM rows GROUP BY user_id, status;
    RETURN NULL;""",
    # The rows are still there: it runs before.
    "task_delta_truncated": """
    INSERT INTO task_deltas (user_id, was, number)
    SELECT user_id, status, count(*) FROM tasks GROUP BY user_id, status;
    RETURN NULL;""",
}
_POSTGRESQL = {
    "task_delta_created": "AFTER INSERT ON tasks REFERENCING NEW TABLE AS rows FOR EACH STATEMENT",
    "task_delta_changed": f"AFTER UPDATE OF status ON tasks FOR EACH ROW WHEN ({_COUNTS})",
    "task_delta_removed": "AFTER DELETE ON tasks REFERENCING OLD TABLE AS rows FOR EACH STATEMENT",
    "task_delta_truncated": "BEFORE TRUNCATE ON tasks FOR EACH STATEMENT",
}
_SQLITE = {
    "task_delta_created": f"""AFTER INSERT ON tasks BEGIN
    INSERT INTO task_deltas ({_COLUMNS}, created_at, completed_at)
    VALUES (NEW.user_id, NEW.task_type, NEW.celery_task_name, NEW.queue, NULL, NEW.status, 1,
            NEW.created_at, NEW.completed_at); END""",
    "task_delta_changed": f"""AFTER UPDATE OF status ON tasks WHEN {_COUNTS} BEGIN
    INSERT INTO task_deltas ({_COLUMNS}, ready_at, started_at, completed_at)
    VALUES ({_ENDED}); END""",
    "task_delta_removed": """AFTER DELETE ON tasks BEGIN
    INSERT INTO task_deltas (user_id, was, number) VALUES (OLD.user_id, OLD.status, 1); END""",
}


def install(connection: Connection) -> None:
    """Put the triggers in place, where they are not; a no-op before their table exists.

    Every migration ends with it: to change a column, SQLite makes the table anew, and forgets
    the old one's triggers without a word.
    """
    if not inspect(connection).has_table("task_deltas"):
        return
    if connection.dialect.name == "sqlite":
        for name, what in _SQLITE.items():
            connection.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {name} {what}")
        return
    for name, body in _FUNCTIONS.items():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} END $$"
        )
        connection.exec_driver_sql(
            f"CREATE OR REPLACE TRIGGER {name} {_POSTGRESQL[name]} EXECUTE FUNCTION {name}()"
        )


def remove(connection: Connection) -> None:
    """Take them away."""
    if connection.dialect.name == "sqlite":
        for name in _SQLITE:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        return
    for name in _FUNCTIONS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON tasks")
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}()")
