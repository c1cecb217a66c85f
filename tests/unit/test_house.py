"""Rules of the house that import-linter cannot hold: who writes, who reads, who names what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.models import Task

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"

# Who touches the environment besides app/core/config.py, and why.
ENVIRONMENT = {
    "app/testing/environment.py": "points a test's settings at files of its own",
    "app/up/family.py": "finds the processes of an earlier `make up` by a mark in theirs",
    "app/up/process.py": "gives the processes it starts the surroundings it has itself",
    "app/worker/keeper.py": "tells its agent and pool processes the address of their socket",
    "app/worker/supervisor.py": "tells its main processes which part of the worker they are",
}
# Who writes to the broker besides the feed and the notices, and why.
PUBLISHERS = {
    "app/dispatch.py": "the feed",
    "app/events.py": "the notices",
    "app/worker/transport.py": "keeps malformed entries aside in a list of their own",
}
# Columns that nothing but a task's row has.
OWN = {"celery_id", "completed_at", "lease_until", "reason", "started_at", "tries"}
# Who asks the database something that is not about its tables, and why.
OUTSIDE = {
    "app/db/upsert.py": "the one construct whose spelling differs between the databases",
    "app/services/doctor/database.py": "asks the server itself whether it answers",
}
# They speak of tasks in JSON and have no access to statements (.importlinter).
SPEAKERS = ("app/api/", "app/cli/", "app/schemas/")
WRITES = {"lpush", "rpush", "publish", "apply_async", "send_task", "delay"}


def sources(folder: Path = APP) -> Iterator[tuple[str, ast.Module]]:
    """Every module below `folder`, parsed."""
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(), str(path))


def environment_names(tree: ast.Module) -> bool:
    """Whether a module names `os.environ` or `os.getenv`."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"))
        or (isinstance(node, ast.ImportFrom) and any(n.name == "environ" for n in node.names))
        for node in ast.walk(tree)
        if not (isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name))
    )


def test_only_the_configuration_reads_the_environment() -> None:
    readers = {name for name, tree in sources() if environment_names(tree)}
    assert readers == {"app/core/config.py", *ENVIRONMENT}


def written_columns(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Columns of the task that a module seems to write: `.values(status=...)`, `task.status = ...`
    and `{"status": ...}` beside columns that only a task has.
    """
    columns = set(Task.__table__.columns.keys())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("values", "update") and isinstance(node, ast.Call):
                yield from ((word.arg, node.lineno) for word in node.keywords if word.arg)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in columns:
                    yield target.attr, node.lineno
        elif isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if keys & OWN:
                yield from ((str(key), node.lineno) for key in keys)


def test_only_statements_write_a_status() -> None:
    writers = {
        f"{name}:{line}"
        for name, tree in sources()
        for column, line in written_columns(tree)
        if column == "status" and not name.startswith(("app/queries/", *SPEAKERS))
    }
    assert writers == set()


@pytest.mark.parametrize(
    "line",
    [
        "update(Task).values(status='failed')",
        "task.status = 'failed'",
        "changes = {'status': 'failed', 'reason': None}",
    ],
)
def test_a_write_of_the_status_would_be_noticed(line: str) -> None:
    assert "status" in {column for column, _ in written_columns(ast.parse(line))}


def constructs(tree: ast.Module) -> set[str]:
    """Names of SQLAlchemy's writing constructs that a module imports."""
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in ("insert", "update", "delete", "select")
    }


def test_statements_are_built_in_one_place() -> None:
    builders = {name for name, tree in sources() if constructs(tree)}
    assert {name for name in builders if not name.startswith("app/queries/")} == set(OUTSIDE)


def test_only_the_feed_and_the_notices_write_to_the_broker() -> None:
    writers = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
    }
    assert writers == set(PUBLISHERS)


def test_only_the_notices_name_a_channel() -> None:
    named = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("pubsub", "publish", "subscribe")
        # Another module may ask the notices to subscribe, by their own names.
        and not (isinstance(node.value, ast.Name) and node.value.id == "events")
    }
    assert named == {"app/events.py"}


def test_no_file_is_longer_than_a_person_reads() -> None:
    limit = 500
    long = {
        name: count
        for folder in (APP, ROOT / "scripts")
        for name, _ in sources(folder)
        if (count := len((ROOT / name).read_text().splitlines())) > limit
        and "/migrations/" not in name
    }
    assert long == {}
