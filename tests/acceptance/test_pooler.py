"""The whole system behind a pooler in transaction mode (`DATABASE_POOLER=transaction`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.acceptance.test_limits import most_at_once
from tests.acceptance.test_live_views import Reader
from tests.support.commands import run_command
from tests.support.databases import Templates
from tests.support.pooler import Pooler
from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack
from tests.support.stack_fixtures import healed, running


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[Pooler]:
    """One pooler for the tests of this file."""
    made = Pooler(postgres)
    try:
        yield made.start()
    finally:
        made.remove()


@pytest.fixture(scope="module")
def pooled_stack(
    pooler: Pooler,
    postgres: Postgres,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A system that reaches its database through the pooler alone."""
    with templates.postgres(postgres) as direct:
        url = pooler.url(direct.rsplit("/", 1)[1])
        folder = tmp_path_factory.mktemp("stack-pooler")
        yield from running(folder, url, DATABASE_POOLER="transaction", WORKER_PROCESSES="2")


@pytest.fixture
def stack(request: pytest.FixtureRequest, pooled_stack: Stack) -> Stack:
    """The same, whole again."""
    return healed(request, pooled_stack)


def test_tasks_run_fail_are_retried_and_cancelled(stack: Stack) -> None:
    log = stack.effect_log()
    added = stack.submit("add", 2, 3)
    failed = stack.submit("fail", "as planned")
    retried = stack.submit("fail_times", 2)
    logged = stack.submit("log_lines", 5)
    task = stack.submit("cancellable", 30, str(log))
    wait_until(lambda: log.of(task["id"], "start"), timeout=20, what="it has begun")
    assert stack.client.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 202
    assert stack.wait_for(task["id"])["status"] == "revoked"
    assert stack.wait_for(added["id"])["result"] == 5
    assert stack.wait_for(failed["id"])["error"]["message"] == "as planned"
    assert stack.wait_for(retried["id"])["attempt"] == 3
    assert stack.wait_for(logged["id"])["status"] == "succeeded"


def test_many_at_once_run_once_each_and_within_their_limit(stack: Stack) -> None:
    log = stack.effect_log()
    stack.taskctl("limits", "set", "key", "narrow", "--concurrency", "2")
    body = {"name": "n", "task_type": "t", "celery_task_name": f"{TASKS}sleep_for"}
    limited = [{**body, "args": [0.05, str(log)], "limit_key": "narrow"}] * 10
    quick = [{**body, "celery_task_name": f"{TASKS}noop"}] * 300
    answer = stack.client.post("/api/v1/tasks/bulk", json={"tasks": [*limited, *quick]})
    assert answer.status_code == 201, answer.text

    def ended() -> bool:
        counts = stack.client.get("/api/v1/tasks/count").json()
        return bool(counts["pending"] + counts["running"] == 0)

    wait_until(ended, timeout=60, what="all have run", every=0.2)
    starts = [effect.task_id for effect in log.all() if effect.phase == "start"]
    assert len(starts) == len(set(starts)) == len(limited)
    assert most_at_once(log) <= 2


def test_a_stream_shows_what_happens(stack: Stack) -> None:
    reader = Reader(f"{stack.url}/api/v1/tasks/events", {"Authorization": f"Bearer {stack.token}"})
    wait_until(lambda: reader.status == 200, timeout=10, what="the stream opens")
    task = stack.run("sleep_for", 0.3)
    wait_until(lambda: "succeeded" in reader.statuses(task["id"]), timeout=30, what="the end")
    reader.close()


def test_a_pooler_that_crashes_costs_nobody_a_task(stack: Stack, pooler: Pooler) -> None:
    log = stack.effect_log()
    tasks = [stack.submit("sleep_for", 2, str(log)) for _ in range(3)]
    wait_until(lambda: len(log.all()) == 3, timeout=20, what="they have begun")
    pooler.stop()
    pooler.start()
    assert {stack.wait_for(task["id"], timeout=40)["status"] for task in tasks} == {"succeeded"}
    assert stack.run("noop", timeout=40)["status"] == "succeeded"
    assert [log.phases(task["id"]) for task in tasks] == [["start", "done"]] * 3


def test_a_server_that_is_restarted_behind_it_costs_nobody_a_task(
    stack: Stack, postgres: Postgres
) -> None:
    task = stack.submit("sleep_for", 2)
    stack.wait_for(task["id"], "running")
    postgres.stop()
    postgres.start()
    # The pooler goes on refusing for a while (`server_login_retry`).
    wait_until(
        lambda: stack.client.get(f"/api/v1/tasks/{task['id']}").status_code == 200,
        timeout=40,
        what="the API reads again",
    )
    assert stack.wait_for(task["id"], timeout=40)["status"] == "succeeded"
    assert stack.run("noop", timeout=40)["status"] == "succeeded"


def test_the_promises_hold_and_the_doctor_knows_the_pooler(stack: Stack) -> None:
    stack.run("noop")
    assert stack.taskctl("verify").startswith("0 broken")
    found = json.loads(stack.taskctl("doctor", "--json", check=False))
    (said,) = [each for each in found if each["check"] == "database pooler"]
    assert "statement_timeout" in said["cure"]


def test_without_the_setting_it_is_named(stack: Stack) -> None:
    env = {**stack.env, "DATABASE_POOLER": "none"}
    done = run_command([sys.executable, "-m", "app", "migrate"], env)
    assert done.returncode == 4, done.stdout
    assert "set DATABASE_POOLER=transaction" in done.stderr
