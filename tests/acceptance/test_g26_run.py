"""G26: `taskctl run` runs the function in its own process, with no broker and no database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import run_command
from tests.support.environment import NO_BROKER, TEST_TASKS, child_environment

Run = Callable[..., subprocess.CompletedProcess[str]]
MODULE = """
from celery import shared_task


@shared_task
def divide(a, b):
    print("dividing")
    return a / b


@shared_task
async def later(x):
    return x + 1


@shared_task(bind=True)
def leave(self):
    raise SystemExit(3)


@shared_task(bind=True, autoretry_for=(ZeroDivisionError,), max_retries=3)
def again(self):
    return divide_now()


def divide_now():
    return 1 / 0
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """`run("name", ...)` in surroundings where any use of broker or database fails."""
    (tmp_path / "g26_tasks.py").write_text(MODULE)
    env = child_environment(
        tmp_path,
        CELERY_BROKER_URL=NO_BROKER,
        CELERY_RESULT_BACKEND=NO_BROKER,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        TASK_MODULES=f"{TEST_TASKS},g26_tasks",
        PYTHONPATH=str(tmp_path),
    )

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return run_command([sys.executable, "-m", "app", "run", *words], env)

    yield call
    assert not (tmp_path / "data" / "tasks.db").exists()


def test_g26_result_is_json_and_prints_go_elsewhere(run: Run) -> None:
    done = run("g26_tasks.divide", "6", "--kwarg", "b=3")
    assert (done.returncode, json.loads(done.stdout)) == (0, 2.0)
    assert done.stderr == "dividing\n"


def test_g26_the_guides_task_runs(run: Run) -> None:
    name = "app.tasks.common_tasks.long_running_task"
    done = run(name, "0.1", "--kwarg", "param=value")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"duration": 0.1, "param": "value"}


def test_g26_async_function_runs(run: Run) -> None:
    done = run("g26_tasks.later", "1")
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


def test_g26_traceback_begins_in_the_function(run: Run) -> None:
    done = run("g26_tasks.divide", "1", "0")
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[2].endswith('g26_tasks.py", line 8, in divide')
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert not any("app/cli" in line or "app/worker" in line or "celery" in line for line in lines)


def test_g26_a_retry_shows_the_error_behind_it(run: Run) -> None:
    done = run("g26_tasks.again")
    assert done.returncode == 1
    assert "in divide_now" in done.stderr
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_g26_exit_in_a_task_is_its_failure(run: Run) -> None:
    done = run("g26_tasks.leave")
    assert done.returncode == 1
    assert "SystemExit: 3" in done.stderr


def test_g26_unknown_name_is_answered_with_near_ones(run: Run) -> None:
    done = run("g26_tasks.divid")
    assert done.returncode == 2
    assert "did you mean g26_tasks.divide?" in done.stderr
    assert "TASK_MODULES" in done.stderr


def test_g26_wrong_arguments_show_the_signature(run: Run) -> None:
    done = run("g26_tasks.divide", "1")
    assert done.returncode == 2
    assert "(a, b)" in done.stderr
    assert "missing a required argument: 'b'" in done.stderr


def test_g26_result_that_is_no_json_is_named(run: Run) -> None:
    done = run("tests.support.tasks.not_json")
    assert done.returncode == 1
    assert "not JSON" in done.stderr
    assert len(done.stderr.splitlines()) == 1
