"""G28: what the author of a task has on `self`."""

from __future__ import annotations

from tests.support.processes import wait_until
from tests.support.stack import Stack


def test_g28_task_id_and_attempt(stack: Stack) -> None:
    task = stack.run("facts")
    assert task["result"]["task_id"] == task["id"]
    assert task["result"]["attempt"] == 1
    assert task["result"]["is_cancelled"] is False


def test_g28_attempt_counts_starts(stack: Stack) -> None:
    assert stack.run("fail_times", 2)["result"] == 3


def test_g28_update_progress_is_seen_while_it_runs(stack: Stack) -> None:
    task = stack.submit("report_progress", 20, 0.1)
    seen: list[tuple[float, str]] = []
    for now in stack.watch(task["id"]):
        if now["progress_message"]:
            seen.append((now["progress"], now["progress_message"]))
    assert now["result"] == 20
    assert seen == sorted(seen, key=lambda pair: pair[0])
    assert len(set(seen)) >= 4


def test_g28_log_lines_are_kept_with_the_task(stack: Stack) -> None:
    task = stack.run("log_lines", 5)
    lines = stack.client.get(f"/api/v1/tasks/{task['id']}/logs").json()
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(5)]
    assert {line["attempt"] for line in lines} == {1}


def test_g28_a_thousand_log_lines_and_no_more(stack: Stack) -> None:
    task = stack.run("log_lines", 1500)
    path = f"/api/v1/tasks/{task['id']}/logs"
    lines = stack.client.get(path, params={"limit": 1000}).json()
    assert len(lines) == 1000
    assert task["status"] == "succeeded"


def test_g28_cancelling_passes_except_exception_and_runs_finally(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.submit("cancellable", 30, str(log))
    wait_until(lambda: log.phases(task["id"]), timeout=10, what="the body has begun")
    stack.client.post(f"/api/v1/tasks/{task['id']}/cancel")
    stack.wait_for(task["id"], "revoked")
    assert log.phases(task["id"]) == ["start", "finally"]


def test_g28_the_exception_is_no_exception() -> None:
    from app.worker import TaskCancelled

    assert issubclass(TaskCancelled, BaseException)
    assert not issubclass(TaskCancelled, Exception)
