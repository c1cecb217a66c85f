"""`taskctl verify` on a system that runs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.support.commands import run_command
from tests.support.environment import child_environment
from tests.support.stack import Stack


def verify(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return run_command([sys.executable, "-m", "app", "verify", *words], env)


def test_a_system_under_load_keeps_its_promises(stack: Stack) -> None:
    enough = threading.Event()
    ids: list[str] = []

    def load() -> None:
        while not enough.is_set():
            ids.append(stack.submit("noop", priority=1 + len(ids) % 4)["id"])
            if len(ids) % 10 == 0:
                stack.client.post(f"/api/v1/tasks/{ids[-1]}/cancel")
                ids.append(stack.submit("sleep_for", 0.3)["id"])
            if len(ids) % 25 == 0:
                ids.append(stack.submit("noop", countdown=1)["id"])

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for _ in range(3):
            done = verify(stack.env, "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            report = json.loads(done.stdout)
            assert (report["findings"], report["notes"]) == ([], [])
            assert len(report["held"]) > 15
    finally:
        enough.set()
        thread.join()
    assert len(ids) > 50
    for task_id in ids:
        stack.wait_for(task_id)
    assert verify(stack.env).stdout.startswith("0 broken")


def test_what_is_broken_is_named_with_its_cure(stack: Stack) -> None:
    task_id = stack.run("noop")["id"]
    engine = create_engine(stack.database_url.replace("postgresql:", "postgresql+psycopg:"))
    change = text("UPDATE tasks SET tries = :tries WHERE id = :id")
    key = task_id.replace("-", "") if engine.dialect.name == "sqlite" else task_id
    with engine.begin() as connection:
        assert connection.execute(change, {"tries": 7, "id": key}).rowcount == 1
    try:
        done = verify(stack.env)
    finally:
        with engine.begin() as connection:
            connection.execute(change, {"tries": 1, "id": key})
        engine.dispose()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "counters" in done.stdout
    assert task_id in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 broken")


def test_what_was_written_without_triggers_is_counted_and_listed_anew(stack: Stack) -> None:
    task_id = stack.run("noop")["id"]
    engine = create_engine(stack.database_url.replace("postgresql:", "postgresql+psycopg:"))
    key = task_id.replace("-", "") if engine.dialect.name == "sqlite" else task_id
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM task_entries WHERE id = :id"), {"id": key})
    engine.dispose()
    done = verify(stack.env, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["rule"], finding["subjects"]) == ("unlisted", [task_id])
    assert "taskctl recount" in finding["cure"]
    recount = [sys.executable, "-m", "app", "recount"]
    done = run_command([*recount, "--json"], stack.env)
    nothing = {"corrected": 0, "grouped": 0, "rolled_up": 0, "named": 0}
    assert json.loads(done.stdout) == {**nothing, "listed": 1}
    assert verify(stack.env).stdout.startswith("0 broken")
    assert run_command(recount, stack.env).stdout == "All counts and lists agree.\n"


@pytest.mark.parametrize(
    ("url", "word"),
    [("postgresql://u:secret@127.0.0.1:1/x", "cannot be reached"), ("", "taskctl migrate")],
)
def test_a_database_that_cannot_be_asked_is_neither_good_nor_bad(
    tmp_path: Path, url: str, word: str
) -> None:
    done = verify(child_environment(tmp_path, **({"DATABASE_URL": url} if url else {})))
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_broker_that_is_away_is_a_note(stack: Stack) -> None:
    done = verify({**stack.env, "CELERY_BROKER_URL": "redis://127.0.0.1:1/0"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broker does not answer" in done.stderr
