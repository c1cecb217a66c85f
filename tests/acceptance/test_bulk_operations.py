"""Operations on many tasks, on the real system: they outlive who works on them, and can be stopped."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.acceptance.test_taskctl_tasks import call
from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack

BULK, OPERATIONS = "/api/v1/tasks/bulk", "/api/v1/bulk-operations"
MANY = 1500
on_sqlite = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)


def submit_many(stack: Stack, tag: str, count: int = MANY) -> None:
    """So many tasks that wait for a day."""
    task = {
        "name": "later", "task_type": "test", "celery_task_name": TASKS + "noop",
        "countdown": 86_400, "tags": [tag],
    }  # fmt: skip
    answer = stack.client.post(BULK, json={"tasks": [task] * count}, timeout=60)
    assert answer.status_code == 201, answer.text


def order(stack: Stack, action: str, **body: Any) -> dict[str, Any]:
    answer = stack.client.post(f"{BULK}/{action}", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


def look(stack: Stack, operation: dict[str, Any]) -> dict[str, Any]:
    return dict(stack.client.get(f"{OPERATIONS}/{operation['id']}").json())


def counted(stack: Stack, tag: str) -> dict[str, int]:
    counts = stack.client.get("/api/v1/tasks/count", params={"tag": tag}).json()
    return {status: number for status, number in counts.items() if number}


def test_an_operation_goes_on_after_a_kill_of_who_works_on_it(stack: Stack) -> None:
    submit_many(stack, "kill")
    assert order(stack, "cancel", filter={"tag": "kill"}, dry_run=True)["total"] == MANY
    operation = order(stack, "cancel", filter={"tag": "kill"})
    assert (operation["status"], operation["total"]) == ("running", MANY)
    wait_until(lambda: look(stack, operation)["done"], timeout=20, what="it has begun", every=0.01)
    os.kill(Machine(stack).agent, signal.SIGKILL)
    assert look(stack, operation)["status"] == "running"
    wait_until(lambda: look(stack, operation)["status"] == "finished", timeout=40, what="the end")
    assert look(stack, operation)["outcomes"] == {"revoked": MANY}
    assert counted(stack, "kill") == {"total": MANY, "revoked": MANY}


def test_abort_stops_it(stack: Stack) -> None:
    submit_many(stack, "abort")
    operation = order(stack, "delete", filter={"tag": "abort"})
    wait_until(lambda: look(stack, operation)["done"], timeout=20, what="it has begun", every=0.01)
    answer = stack.client.post(f"{OPERATIONS}/{operation['id']}/abort")
    aborted = answer.json()
    assert (answer.status_code, aborted["status"]) == (200, "aborted")
    assert aborted["outcomes"] == {"deleted": aborted["done"]}
    left = MANY - aborted["done"]
    assert 0 < left < MANY
    rest = order(stack, "delete", filter={"tag": "abort"})
    wait_until(lambda: look(stack, rest)["status"] == "finished", timeout=40, what="the end")
    assert look(stack, rest)["outcomes"] == {"deleted": left}
    assert look(stack, operation)["done"] == aborted["done"]
    assert counted(stack, "abort") == {}


@on_sqlite
def test_a_running_task_is_told_to_stop_with_the_others(stack: Stack) -> None:
    log = stack.effect_log()
    running = stack.submit("sleep_for", 60, str(log), tags=["told"])["id"]
    wait_until(lambda: log.phases(running), timeout=15, what="the body has begun")
    submit_many(stack, "told", 5)
    operation = order(stack, "cancel", filter={"tag": "told"})
    assert operation["outcomes"] == {"revoked": 5, "stopping": 1}
    assert stack.wait_for(running, "revoked")["reason"] == "cancelled"


@on_sqlite
def test_the_command_line_looks_first_and_follows_a_large_one(stack: Stack) -> None:
    submit_many(stack, "cli", 1100)
    words = ["--tag", "cli", "--status", "pending", "--newer", "1h"]
    dry = call(stack, "cancel", *words, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.splitlines()[-1] == "1100 tasks, 10 shown; nothing was done."
    done = call(stack, "cancel", *words)
    assert (done.returncode, done.stdout) == (0, "1100 of 1100 tasks: 1100 revoked\n")
    retried = json.loads(call(stack, "retry", "--tag", "cli", "-q", "nothing", "--json").stdout)
    assert (retried["status"], retried["total"]) == ("finished", 0)
    gone = call(stack, "delete", "--tag", "cli", "--json")
    assert json.loads(gone.stdout)["outcomes"] == {"deleted": 1100}
    shown = call(stack, "bulk", "show", json.loads(gone.stdout)["id"]).stdout
    assert "delete" in shown
    listed = call(stack, "bulk", "list", "-n", "1").stdout.splitlines()
    assert listed[1].split()[1:5] == ["delete", "finished", "1100", "1100"]


@on_sqlite
def test_the_command_line_takes_ids_or_options(stack: Stack) -> None:
    both = call(stack, "cancel", "x", "--tag", "cli")
    neither = call(stack, "delete")
    twice = call(stack, "retry", "--newer", "1h", "--after", "2030-01-01T00:00:00Z")
    assert [done.returncode for done in (both, neither, twice)] == [2, 2, 2]
    submit_many(stack, "ids", 2)
    tasks = stack.client.get("/api/v1/tasks/", params={"tag": "ids"}).json()
    ids = [task["id"] for task in tasks]
    dry = json.loads(call(stack, "delete", *ids, "--dry-run", "--json").stdout)
    assert (dry["total"], [task["id"] for task in dry["sample"]]) == (2, ids)
    assert call(stack, "delete", *ids).returncode == 0
    assert counted(stack, "ids") == {}
