"""Upgrades while the system runs: old code on a new schema, new code on an old one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from app.db import migrate
from tests.support.commands import taskctl
from tests.support.history import before_the_newest_migration, unpack
from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

SECRET = {"SECRET_KEY": "one secret that all processes of a system have in common"}
PRODUCTION = {**SECRET, "APP_ENV": "production", "FLOWER_PASSWORD": "not the default"}


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A new database on PostgreSQL without any table."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


def revisions() -> list[str]:
    """All of them, the oldest first."""
    return [script.revision for script in migrate._scripts().walk_revisions()][::-1]


def set_revision(url: str, revision: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))


def revision_of(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row
    return str(row[0])


def migrate_to(stack: Stack, revision: str) -> None:
    """Bring a stack's database to a revision, by the code of the stack."""
    code = (
        "from alembic import command; from app.db import migrate; "
        f"command.upgrade(migrate._config(), {revision!r})"
    )
    subprocess.run([sys.executable, "-c", code], env=stack.env, cwd=stack.cwd, check=True)


class Load:
    """Submits all the time until it is told to stop.

    An answer is a 201, or a 503 while a change of the schema waits for a lock.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._submit)
        self.ids: list[str] = []
        self.refused: list[str] = []
        self._thread.start()

    def _submit(self) -> None:
        while not self._enough.wait(0.02):
            answer = self._stack.post("noop")
            if answer.status_code == 201:
                self.ids.append(answer.json()["id"])
            elif answer.status_code != 503:
                self.refused.append(answer.text)

    def stop(self) -> list[str]:
        """The tasks that were accepted."""
        self._enough.set()
        self._thread.join(20)
        assert self.refused == []
        return self.ids


@pytest.mark.timeout(180)
def test_old_and_new_code_run_tasks_for_each_other_while_the_schema_changes(
    empty: str, make_stack: MakeStack, tmp_path: Path
) -> None:
    older = unpack(before_the_newest_migration(), tmp_path / "older")
    old = make_stack(empty, cwd=older, start=False, **SECRET)
    assert old.token  # an empty database gets its schema first
    before = revision_of(empty)
    assert before != revisions()[-1]
    old.start()
    new = make_stack(empty, start=False, BROKER_KEY_PREFIX=old.key_prefix, **SECRET)
    new.has_users_of(old)

    # The schema first, while old code works.
    load = Load(old)
    wait_until(lambda: len(load.ids) > 5, timeout=20, what="tasks are submitted")
    assert "Migrated from" in taskctl(new.env, "migrate")
    assert revision_of(empty) == revisions()[-1]
    at_that_time = len(load.ids)
    wait_until(lambda: len(load.ids) > at_that_time + 5, timeout=20, what="it goes on")
    for task_id in load.stop():
        assert old.wait_for(task_id)["status"] == "succeeded"
    assert old.run("fail", "old on new")["status"] == "failed"

    # A new API and an old worker.
    new.start_part("api")
    wait_until(new._api_ready, timeout=40, what="the new API is ready")
    assert new.run("add", 1, 2)["result"] == 3
    cancelled = new.submit("cancellable", 30, str(new.effect_log()))
    new.wait_for(cancelled["id"], "running")
    assert new.client.post(f"/api/v1/tasks/{cancelled['id']}/cancel").status_code == 202
    assert new.wait_for(cancelled["id"])["status"] == "revoked"

    # A new worker and an old API; what the old worker has not finished it gives back.
    new.start_part("worker")
    wait_until(lambda: len(new.live_workers()) == 2, timeout=40, what="both workers are live")
    rest = [old.submit("sturdy_sleep", 0.5, str(old.effect_log()))["id"] for _ in range(12)]
    old.stop_part("worker")
    assert {old.wait_for(task_id, timeout=40)["status"] for task_id in rest} == {"succeeded"}
    assert old.run("fail_times", 1)["attempt"] == 2
    old.stop()
    assert new.run("noop")["status"] == "succeeded"
    assert new.taskctl("verify").startswith("0 broken")


@pytest.mark.timeout(180)
def test_new_code_waits_for_the_migration_and_names_it(empty: str, make_stack: MakeStack) -> None:
    """Nothing of it works on an older schema, in production; it begins when that is there."""
    stack = make_stack(empty, parts=("api", "beat"), start=False, **PRODUCTION)
    migrate_to(stack, revisions()[-2])
    api, beat = stack.start_part("api"), stack.start_part("beat")
    worker = stack.start_part("worker")
    assert worker.wait(30) == 2
    assert "run: taskctl migrate" in worker.text()
    del stack.processes["worker"]

    def reasons() -> str:
        try:
            answer = httpx2.get(f"{stack.url}/health/ready", timeout=5)
        except httpx2.TransportError:
            return ""
        assert answer.status_code == 503
        return answer.text

    wait_until(lambda: "taskctl migrate" in reasons(), timeout=30, what="the API names the cure")
    wait_until(lambda: "taskctl migrate" in beat.text(), timeout=30, what="beat names the cure")
    assert revision_of(empty) == revisions()[-2]
    taskctl(stack.env, "migrate")
    wait_until(stack._api_ready, timeout=20, what="the API begins by itself")
    wait_until(lambda: "schedules are in place" in beat.text(), timeout=20, what="so does beat")
    assert api.alive


def test_code_that_is_older_than_the_schema_starts_within_its_generation(
    postgres_url: str, make_stack: MakeStack
) -> None:
    """A process of the old version that is restarted in the middle of an upgrade, or on the way back."""
    set_revision(postgres_url, "29991231_future")
    stack = make_stack(postgres_url, **PRODUCTION)
    assert stack.run("add", 1, 2)["result"] == 3
    assert "finish the upgrade" in stack.taskctl("doctor", check=False)
    assert "of newer code" in taskctl(stack.env, "migrate")
    assert revision_of(postgres_url) == "29991231_future"
    set_revision(postgres_url, "2_29991231_future")
    assert stack.start_part("worker2").wait(30) == 2
    assert "2_29991231_future" in stack.processes.pop("worker2").text()
