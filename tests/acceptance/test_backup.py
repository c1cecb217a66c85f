"""A backup from while the system ran, restored later: what is there then, and what runs again."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import run_command
from tests.support.environment import child_environment
from tests.support.postgres import Postgres, postgres_binaries
from tests.support.processes import wait_until
from tests.support.rings import not_run
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

SECRET = {"SECRET_KEY": "one secret that all processes of a system have in common"}
Restore = Callable[[], str]


def back_up_sqlite(stack: Stack, tmp_path: Path) -> Restore:
    copy = tmp_path / "copy.db"
    assert "is copied to" in stack.taskctl("database", "backup", str(copy))

    def restore() -> str:
        file = stack.database_url.removeprefix("sqlite:///")
        for left in ("", "-wal", "-shm"):
            Path(file + left).unlink(missing_ok=True)
        shutil.copyfile(copy, file)
        return stack.database_url

    return restore


def back_up_postgresql(stack: Stack, tmp_path: Path, server: Postgres) -> Restore:
    programs = postgres_binaries()
    if not (programs / "pg_dump").exists():
        not_run("backup and restore on PostgreSQL", "apt-get install -y postgresql-client")
    copy = str(tmp_path / "copy.dump")
    subprocess.run(
        [programs / "pg_dump", "--format=custom", "--file", copy, stack.database_url], check=True
    )

    def restore() -> str:
        url = server.url(server.create())
        subprocess.run(
            [programs / "pg_restore", "--exit-on-error", "--dbname", url, copy], check=True
        )
        return url

    return restore


@pytest.mark.timeout(180)
def test_what_ran_is_judged_what_waited_runs_and_what_came_later_is_gone(
    request: pytest.FixtureRequest, database_url: str, make_stack: MakeStack, tmp_path: Path
) -> None:
    stack = make_stack(database_url, **SECRET)
    log = stack.effect_log()
    done = stack.run("effect", str(log))
    running = [stack.submit(name, 2, str(log)) for name in ("sleep_for", "sturdy_sleep")]
    wait_until(lambda: len(log.all()) == 3, timeout=20, what="they have begun")
    assert stack.client.post("/api/v1/queues/default/pause").status_code == 200
    waiting = stack.submit("effect", str(log))
    if database_url.startswith("sqlite"):
        restore = back_up_sqlite(stack, tmp_path)
    else:
        restore = back_up_postgresql(stack, tmp_path, request.getfixturevalue("postgres"))

    # What happens after the backup.
    assert stack.client.post("/api/v1/queues/default/resume").status_code == 200
    for task in (*running, waiting):
        assert stack.wait_for(task["id"])["status"] == "succeeded"
    later = stack.run("noop")
    stack.stop()
    again = make_stack(restore(), start=False, BROKER_KEY_PREFIX=stack.key_prefix, **SECRET)
    again.has_users_of(stack).start()

    assert again.task(done["id"]) == done
    assert again.client.get(f"/api/v1/tasks/{later['id']}").status_code == 404
    assert again.task(waiting["id"])["status"] == "pending"
    lost = again.wait_for(running[0]["id"], timeout=30)
    assert (lost["status"], lost["reason"]) == ("failed", "worker_lost")
    # What the broker still holds from before the restore starts nothing.
    assert again.client.post("/api/v1/queues/default/resume").status_code == 200
    assert again.wait_for(waiting["id"], timeout=30)["status"] == "succeeded"
    retried = again.wait_for(running[1]["id"], timeout=30)
    assert (retried["status"], retried["attempt"]) == ("succeeded", 2)
    starts = {
        name: len(log.of(task["id"], phase))
        for name, task, phase in (
            ("done", done, "done"),
            ("lost", running[0], "start"),
            ("retried", running[1], "start"),
            ("waited", waiting, "done"),
        )
    }
    # Once before the restore, and once more what was not yet done in the backup and may start again.
    assert starts == {"done": 1, "lost": 1, "retried": 2, "waited": 2}
    assert again.taskctl("verify").startswith("0 broken")


# The command


def test_a_copy_is_whole_and_its_owners_alone(sqlite_url: str, tmp_path: Path) -> None:
    env, copy = child_environment(tmp_path, DATABASE_URL=sqlite_url), tmp_path / "copy.db"
    done = backup(env, copy)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert file.execute("SELECT count(*) FROM users").fetchone() == (1,)
    before = copy.read_bytes()
    again = backup(env, copy)
    assert (again.returncode, "name a new file" in again.stderr) == (4, True)
    assert copy.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "target", "said"),
    [
        ("sqlite:///{}/none.db", "copy.db", "none.db does not exist"),
        ("sqlite:///{}/text.db", "copy.db", "cannot be copied"),
        ("postgresql://u:secret@127.0.0.1:1/x", "copy.db", "pg_dump --format=custom"),
    ],
)
def test_what_cannot_be_copied_is_a_sentence(
    tmp_path: Path, url: str, target: str, said: str
) -> None:
    (tmp_path / "text.db").write_text("not a database at all, " * 100)
    env = child_environment(tmp_path, DATABASE_URL=url.format(tmp_path))
    done = backup(env, tmp_path / target)
    assert (done.returncode, done.stdout) == (4, "")
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / target).exists()
    assert not (tmp_path / "none.db").exists()


def backup(env: dict[str, str], file: Path) -> subprocess.CompletedProcess[str]:
    return run_command([sys.executable, "-m", "app", "database", "backup", str(file)], env)
