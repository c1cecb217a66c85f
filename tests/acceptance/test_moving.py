"""`taskctl database move`: a system that has run on SQLite goes on with PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import psutil
import pytest

from tests.support.commands import run_command
from tests.support.effects import EffectLog
from tests.support.furniture import contents
from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack
from tests.support.stack_fixtures import MakeStack

SECRET = {"SECRET_KEY": "one secret that all processes of a system have in common"}
# Of a task that nobody has touched.
KEPT = (
    "id", "name", "args", "kwargs", "status", "reason", "result", "error", "attempt", "tries", "tags",
    "created_at", "started_at", "completed_at", "depends_on", "celery_id", "worker", "user_id",
)  # fmt: skip


@pytest.fixture
def target(postgres: Postgres) -> Iterator[str]:
    """A new database on PostgreSQL without any table."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


def move(stack: Stack, target: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "database", "move", target, *words]
    return run_command(command, stack.env)


def live(stack: Stack, log: EffectLog) -> dict[str, dict[str, Any]]:
    """Have some of everything happen; tasks by what became of them."""
    stack.taskctl("limits", "set", "key", "customer:*", "--concurrency", "3")
    schedule = {
        "name": "nightly", "kind": "cron", "cron": "0 3 * * *", "timezone": "UTC",
        "celery_task_name": TASKS + "noop",
    }  # fmt: skip
    answer = stack.client.post("/api/v1/schedules/", json=schedule)
    assert answer.status_code == 201, answer.text
    submitted = {
        "added": stack.submit("add", 2, 3, tags=["sum", "任务"], limit_key="customer:1"),
        "failed": stack.submit("fail", "no — 失败"),
        "retried": stack.submit("fail_times", 1),
        "logged": stack.submit("log_lines", 3),
        "kept": stack.submit("keep_and_fail", {"so": "far"}),
        "split": stack.submit("split_and_join", [1, 2, 3]),
    }
    tasks = {name: stack.wait_for(task["id"]) for name, task in submitted.items()}
    tasks["later"] = stack.submit("noop", countdown=86_400, unique_key="only one")
    tasks["behind"] = stack.submit("noop", depends_on=[tasks["later"]["id"]])
    stack.wait_for(tasks["split"]["result"]["joined"])
    # They still run when somebody pulls the plug.
    tasks["lost"] = stack.submit("sturdy_sleep", 30, str(log))
    tasks["alone"] = stack.submit("sleep_for", 30, str(log))
    for name in ("lost", "alone"):
        stack.wait_for(tasks[name]["id"], "running")
    wait_until(lambda: len(log.all()) == 2, timeout=20, what="both have begun")
    return tasks


def pull_the_plug(stack: Stack) -> None:
    """End the worker with all its processes; none of them has time to give anything back."""
    everybody = stack.processes["worker"].descendants()
    stack.kill("worker")
    for each in everybody:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


@pytest.mark.timeout(180)
def test_a_real_system_goes_on_where_it_was(
    sqlite_url: str, target: str, make_stack: MakeStack
) -> None:
    stack = make_stack(sqlite_url, **SECRET)
    tasks = live(stack, stack.effect_log())
    pull_the_plug(stack)
    in_use = move(stack, target)
    assert (in_use.returncode, in_use.stdout) == (4, "")
    assert "is in use: stop the API" in in_use.stderr
    shown = {name: stack.task(task["id"]) for name, task in tasks.items()}
    old_token = stack.token
    stack.stop()

    done = move(stack, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 tasks were running when their workers ended" in done.stdout
    assert f"DATABASE_URL={target}" in done.stdout
    assert contents(target) == contents(sqlite_url)

    moved = make_stack(target, BROKER_KEY_PREFIX=stack.key_prefix, **SECRET)
    for name in shown.keys() - {"lost", "alone"}:
        now = moved.task(shown[name]["id"])
        assert {key: now[key] for key in KEPT} == {key: shown[name][key] for key in KEPT}
    header = {"Authorization": f"Bearer {old_token}"}
    assert httpx2.get(f"{moved.url}/api/v1/tasks/", headers=header).status_code == 200
    assert moved.run("add", 20, 22)["result"] == 42
    alone = moved.wait_for(tasks["alone"]["id"], timeout=30)
    assert (alone["status"], alone["reason"]) == ("failed", "worker_lost")
    # Any of what died together may have been the cause, so its retry comes alone, half a minute later
    # at most.
    lost = f"/api/v1/tasks/{tasks['lost']['id']}"
    wait_until(lambda: moved.client.get(lost).json()["attempt"] == 2, timeout=40, what="a retry")
    first, second = moved.client.get(f"{lost}/attempts").json()
    assert (first["outcome"], second["outcome"]) == ("worker_lost", "running")
    moved.client.post(f"{lost}/cancel")
    moved.client.post(f"/api/v1/tasks/{tasks['later']['id']}/cancel")
    assert moved.wait_for(tasks["behind"]["id"])["reason"]
    moved.wait_for(tasks["lost"]["id"])
    assert moved.taskctl("verify").startswith("0 broken")


def test_the_answer_in_json_and_a_second_move(
    sqlite_url: str, target: str, make_stack: MakeStack
) -> None:
    stack = make_stack(sqlite_url, start=False)
    done = move(stack, target, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["rows"]["users"], answer["running"], answer["findings"]) == (1, 0, [])
    again = move(stack, target)
    assert (again.returncode, again.stdout) == (4, "")
    assert "The target is not empty" in again.stderr
    assert len(again.stderr.splitlines()) == 1
