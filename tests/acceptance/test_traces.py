"""Traces of a system that runs: from a request to the settlement of its task, whoever dies."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.core.version import VERSION
from tests.support.databases import Templates
from tests.support.processes import Process, wait_until
from tests.support.receiver import receiving
from tests.support.stack import TASKS, Stack
from tests.support.stack_fixtures import healed, running
from tests.support.traces import Collector, Seen, collecting, only

POST = "POST /api/v1/tasks/"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


@pytest.fixture(scope="module")
def traced_stack(
    collector: Collector, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A system that sends what it does to the collector, at once."""
    folder = tmp_path_factory.mktemp("traced")
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    yield from running(folder, templates.sqlite(folder / "tasks.db"), **settings)


@pytest.fixture
def stack(request: pytest.FixtureRequest, traced_stack: Stack) -> Stack:
    """The same, whole again whatever the test before has killed."""
    return healed(request, traced_stack)


def caller(*, sampled: bool = True) -> tuple[str, str, dict[str, str]]:
    """A trace of whoever calls, its span there, and the header that says so."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, {"traceparent": f"00-{trace}-{span}-0{int(sampled)}"}


def submitted(stack: Stack, task: str, *args: Any, **body: Any) -> tuple[str, str]:
    """The trace of a task that was submitted, and its id."""
    trace, _, headers = caller()
    answer = stack.post(task, *args, headers=headers, **body)
    assert answer.status_code == 201, answer.text
    return trace, answer.json()["id"]


def runs(spans: list[Seen]) -> list[Seen]:
    """The spans of attempts."""
    return [each for each in spans if each.name.startswith("run ")]


def pool_of(worker: Process) -> set[int]:
    """The processes in which a worker of Celery runs tasks."""
    found = set()
    for child in psutil.Process(worker.pid).children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "celery" in child.cmdline():
                found.add(child.pid)
    return found


def test_a_trace_goes_from_the_request_to_the_settlement(
    stack: Stack, collector: Collector
) -> None:
    trace, span, headers = caller()
    task = stack.post("add", 1, 2, headers=headers).json()
    stack.wait_for(task["id"])
    run = f"run {TASKS}add"
    names = [POST, "submit", "store", "INSERT tasks", run, "claim", "settle"]
    spans = collector.wait_for(trace, [*names, "publish default"])
    parents = {each.id: each.name for each in spans} | {span: "the caller"}
    assert {name: parents[only(spans, name).parent] for name in names} == {
        POST: "the caller",
        "submit": POST,
        "store": "submit",
        "INSERT tasks": "store",
        run: "submit",
        "claim": run,
        "settle": run,
    }
    published = [each for each in spans if each.name == "publish default"]  # twice if one got lost
    assert {parents[each.parent] for each in published} == {"submit"}
    kinds = {name: only(spans, name).kind for name in names}
    assert (kinds[POST], kinds["submit"], kinds[run]) == ("server", "producer", "consumer")
    assert (kinds["claim"], kinds["settle"], kinds["INSERT tasks"]) == ("client",) * 3
    services = {each.name: each.service for each in spans}
    assert (services[POST], services[run]) == ("tasksystem-api", "tasksystem-worker")
    facts = only(spans, run).facts
    assert facts["tasksystem.task.id"] == task["id"]
    assert (facts["tasksystem.task.status"], facts["tasksystem.attempt"]) == ("succeeded", 1)
    assert facts["messaging.destination.name"] == "default"
    assert not any(each.failed for each in spans)
    assert {each["service.version"] for each in collector.resources} == {VERSION}


def test_what_the_caller_does_not_sample_is_not_sent(stack: Stack, collector: Collector) -> None:
    trace, _, headers = caller(sampled=False)
    stack.wait_for(stack.post("noop", headers=headers).json()["id"])
    other, task_id = submitted(stack, "noop")
    stack.wait_for(task_id)
    collector.wait_for(other, [f"run {TASKS}noop", "settle"])
    assert collector.of(trace) == []


def test_each_attempt_is_linked_to_the_first(stack: Stack, collector: Collector) -> None:
    trace, task_id = submitted(stack, "retry_then_succeed", 2)
    stack.wait_for(task_id)
    name = f"run {TASKS}retry_then_succeed"
    first, second, third = runs(collector.wait_for(trace, [name] * 3))
    assert [first.failed, second.failed, third.failed] == [True, True, False]
    assert first.facts["error.type"] == "RuntimeError"
    assert first.facts["tasksystem.task.status"] == "pending"
    assert first.links == ()
    assert second.links == third.links == ((trace, first.id),)
    assert first.parent == second.parent == third.parent


def test_subtasks_and_dependents_are_below_and_beside_what_caused_them(
    stack: Stack, collector: Collector
) -> None:
    trace, task_id = submitted(stack, "split_and_join", [1, 2])
    made = stack.wait_for(task_id)["result"]
    stack.wait_for(made["joined"], timeout=30)
    wanted = [f"run {TASKS}add"] * 2 + [f"run {TASKS}sum_of_parents", "spawn", "spawn"]
    spans = collector.wait_for(trace, wanted)
    by_task = {each.facts["tasksystem.task.id"]: each for each in runs(spans)}
    spawns = {each.id: each for each in spans if each.name == "spawn"}
    for part in (*made["parts"], made["joined"]):
        assert spawns[by_task[part].parent].parent == by_task[task_id].id
    joined = by_task[made["joined"]]
    assert set(joined.links) == {(trace, by_task[part].id) for part in made["parts"]}


def test_an_attempt_whose_process_was_killed_has_an_end(stack: Stack, collector: Collector) -> None:
    trace, task_id = submitted(stack, "kill_self", str(stack.folder / "killed.log"))
    stack.wait_for(task_id)
    (run,) = runs(collector.wait_for(trace, [f"run {TASKS}kill_self"]))
    assert run.failed
    assert run.facts["error.type"] == "worker_lost"
    assert run.facts["tasksystem.task.status"] == "failed"
    assert run.began < run.ended


def test_a_delivery_is_below_the_attempt_and_says_so(stack: Stack, collector: Collector) -> None:
    with receiving() as receiver:
        wanted = {"url": receiver.url, "filter": {"task_type": "traced"}}
        hook = stack.client.post("/api/v1/webhooks/", json=wanted).json()
        trace, task_id = submitted(stack, "noop", task_type="traced")
        stack.wait_for(task_id)
        spans = collector.wait_for(trace, ["POST", f"run {TASKS}noop"], timeout=60)
        post = only(spans, "POST")
        assert post.parent == runs(spans)[0].id
        assert post.facts["http.response.status_code"] == 204
        assert receiver.url not in post.facts.values()
        (got,) = receiver.received
        assert got.headers["traceparent"].startswith(f"00-{trace}-{post.id}-")
        stack.client.delete(f"/api/v1/webhooks/{hook['id']}")


def test_lines_of_logs_say_which_trace_they_belong_to(stack: Stack, collector: Collector) -> None:
    trace, task_id = submitted(stack, "fail", "on purpose")
    stack.wait_for(task_id)
    (run,) = runs(collector.wait_for(trace, [f"run {TASKS}fail"]))
    lines = (stack.log_dir / "celery_worker.log").read_text().splitlines()
    (line,) = [each for each in lines if "attempt_ended" in each and task_id in each]
    assert trace in line
    assert run.id in line


def test_a_process_that_is_replaced_sends_what_it_has_first(
    stack: Stack, collector: Collector
) -> None:
    stack.stop_part("worker")
    command = [sys.executable, "-m", "celery", "-A", "app.celery_app.celery_app", "worker"]
    command += ["--concurrency=1", "--max-tasks-per-child=1", "--without-mingle"]
    # Only the end of a process sends anything: the next time would be in an hour.
    env = {**stack.env, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    bare = Process(command, env=env, output=stack.folder / "bare.out")
    stack.processes["bare"] = bare
    used: set[int] = set()

    def is_new() -> bool:
        return bool(pool_of(bare) - used)

    for _ in range(2):
        # Celery may leave a task for seconds with a process that is about to be replaced.
        wait_until(is_new, timeout=30, what="a process that is new")
        used |= pool_of(bare)
        trace, task_id = submitted(stack, "noop")
        stack.wait_for(task_id, timeout=40)
        collector.wait_for(trace, [f"run {TASKS}noop", "claim", "settle"])


def test_without_the_packages_it_works_and_says_once_what_to_install(
    stack: Stack, collector: Collector, tmp_path: Path
) -> None:
    # To Python, a module that stands there as None cannot be imported.
    block = "import sys\nsys.modules['opentelemetry.sdk'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(block)
    stack.stop_part("worker")
    stack.start_part("worker2", PYTHONPATH=str(tmp_path))
    trace, task_id = submitted(stack, "noop")
    assert stack.wait_for(task_id, timeout=40)["status"] == "succeeded"
    said = [each for each in stack.processes["worker2"].text().splitlines() if "no traces" in each]
    assert len(said) == 1
    assert "pip install -r requirements-otel.txt" in said[0]
    collector.wait_for(trace, [POST, "submit"])
    assert runs(collector.of(trace)) == []


def test_a_collector_that_hangs_keeps_no_worker_from_ending(stack: Stack) -> None:
    stack.stop_part("worker")
    with receiving() as deaf:
        deaf.held.clear()
        stack.start_part("worker2", OTEL_EXPORTER_OTLP_ENDPOINT=deaf.url.removesuffix("/hook"))
        _, task_id = submitted(stack, "noop")
        stack.wait_for(task_id, timeout=40)
        wait_until(lambda: deaf.at_once, timeout=20, what="somebody waits for the collector")
        stack.stop_part("worker2", timeout=20)  # raises where it takes longer
