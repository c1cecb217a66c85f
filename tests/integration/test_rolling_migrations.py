"""Migrations that old code outlives: what they may do, and how they take their locks."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from app.core.config import Settings
from app.core.errors import ConfigurationError
from app.db import migrate
from app.db.engines import sync_engine
from tests.support.environment import use_settings
from tests.support.migration_rules import Finding, judge
from tests.support.postgres import Postgres
from tests.support.processes import wait_until

# The last migration from before the promise; those after it are held to the rules.
BEFORE_THE_PROMISE = "20261126_delivery_log"
# By revision: what a migration may do all the same (the `why` of the rule), and the reason. One that
# `breaks` older code begins a new generation: docs/decisions/0036.
ALLOWED: dict[str, dict[str, str]] = {
    "20261127_audit_filters": {
        "makes an index while writers wait": "audit_entries is new in the same release",
    },
}


@pytest.fixture
def empty(postgres: Postgres, clean_settings: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings that name a database on PostgreSQL without any table."""
    name = postgres.create()
    yield use_settings(clean_settings, database_url=postgres.url(name))
    postgres.drop(name)


def revisions() -> list[str]:
    """All of them, the oldest first."""
    return [script.revision for script in migrate._scripts().walk_revisions()][::-1]


def carried_out(engine: Engine, revision: str) -> list[str]:
    """Migrate to the revision; the statements that the server was sent."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    config = migrate._config()
    with engine.begin() as connection:
        event.listen(connection, "before_cursor_execute", note)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return sent


def judged() -> dict[str, list[Finding]]:
    """What is wrong with each migration."""
    engine = sync_engine(durable=True)
    try:
        return {revision: judge(carried_out(engine, revision)) for revision in revisions()}
    finally:
        engine.dispose()


@pytest.mark.usefixtures("empty")
def test_older_code_works_on_what_a_migration_leaves() -> None:
    names = revisions()
    found = judged()
    for before, revision in itertools.pairwise(names):
        if names.index(revision) <= names.index(BEFORE_THE_PROMISE):
            continue
        allowed = ALLOWED.get(revision, {})
        wrong = [each for each in found[revision] if each.why not in allowed]
        assert wrong == [], f"{revision}: change it, or say in ALLOWED why it has to be"
        assert set(allowed) <= {each.why for each in found[revision]}, f"{revision}: not done"
        breaks = any(each.kind == "breaks" for each in found[revision])
        older, own = migrate.generation(before), migrate.generation(revision)
        assert older is not None
        assert own == older + breaks, f"{revision}: the generation stands in front of the date"
    # The rules see something: those from before the promise did as they liked.
    assert "breaks" in {each.kind for each in found["20261126_schedules"]}


def test_what_is_allowed_has_a_reason_and_is_under_the_promise() -> None:
    names = revisions()
    assert set(ALLOWED) <= set(names[names.index(BEFORE_THE_PROMISE) + 1 :])
    assert all(len(reason) > 20 for each in ALLOWED.values() for reason in each.values())


@pytest.fixture
def behind(empty: Settings, clean_settings: pytest.MonkeyPatch) -> str:
    """The database before a migration that changes `tasks`; the revision. Waits are short."""
    names = revisions()
    before = names[names.index("20261127_traces") - 1]
    command.upgrade(migrate._config(), before)
    clean_settings.setattr(migrate, "LOCK_SECONDS", 0.2)
    clean_settings.setattr(migrate, "_LOCK_PAUSE_SECONDS", 0.1)
    return before


def test_a_migration_gives_way_to_those_who_use_the_tables(
    empty: Settings, behind: str, postgres: Postgres, clean_settings: pytest.MonkeyPatch
) -> None:
    clean_settings.setattr(migrate, "LOCK_TRIES", 2)
    name = empty.database_url.rsplit("/", 1)[1]
    with postgres.connect(name) as user, user.transaction():
        user.execute("LOCK TABLE tasks IN ROW EXCLUSIVE MODE")
        with pytest.raises(ConfigurationError, match=r"in use 2 times and nothing was changed"):
            migrate.upgrade()
        assert migrate.status().revision == behind
    assert migrate.upgrade().state == "current"


def test_a_migration_goes_on_when_they_have_finished(
    empty: Settings, behind: str, postgres: Postgres
) -> None:
    name = empty.database_url.rsplit("/", 1)[1]
    found: list[migrate.SchemaStatus] = []
    thread = threading.Thread(target=lambda: found.append(migrate.upgrade()))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass"
    with postgres.connect(name) as user, postgres.connect(name) as other, user.transaction():
        user.execute("LOCK TABLE tasks IN ROW EXCLUSIVE MODE")
        thread.start()
        wait_until(
            lambda: other.execute(waiting).fetchone() == (1,),
            timeout=10, what="the migration waits",
        )  # fmt: skip
        # Whoever comes later waits behind it, and not for long.
        other.execute("UPDATE tasks SET version = version WHERE false")
    thread.join(20)
    assert [each.state for each in found] == ["current"]


# Code that is older than the schema


def stamp(revision: str) -> None:
    engine = sync_engine(durable=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


@pytest.mark.usefixtures("settings")
def test_a_newer_schema_of_the_same_generation_is_worked_on_and_left_alone() -> None:
    stamp("29991231_future")
    found = migrate.status()
    assert (found.state, found.usable) == ("ahead", True)
    assert "29991231_future" in found.detail
    assert migrate.upgrade() == found


@pytest.mark.usefixtures("settings")
def test_one_of_another_generation_is_refused_by_name() -> None:
    stamp("2_29991231_future")
    found = migrate.status()
    assert (found.state, found.usable) == ("newer", False)
    with pytest.raises(ConfigurationError, match="2_29991231_future"):
        migrate.upgrade()
