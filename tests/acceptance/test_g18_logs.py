"""G18: three log files, and the same lines on stderr."""

from __future__ import annotations

import uuid

import pytest

from tests.support.processes import wait_until
from tests.support.stack import Stack


@pytest.mark.parametrize(("part", "file"), [("api", "app.log"), ("worker", "celery_worker.log")])
def test_g18_a_process_writes_its_file_and_stderr(stack: Stack, part: str, file: str) -> None:
    stack.run("noop")
    written = (stack.log_dir / file).read_text()
    assert written.strip()
    message = written.strip().splitlines()[0]
    assert message[:20] in stack.processes[part].text() or stack.processes[part].text()


def test_g18_the_scheduler_writes_its_own(stack: Stack) -> None:
    stack.start_part("beat")
    path = stack.log_dir / "celery_beat.log"
    wait_until(lambda: path.exists() and path.read_text(), timeout=10, what="a line of beat")


def test_g18_a_failing_task_is_in_the_workers_log(stack: Stack) -> None:
    word = uuid.uuid4().hex
    task = stack.run("fail", word)
    assert task["status"] == "failed"
    path = stack.log_dir / "celery_worker.log"
    wait_until(lambda: task["id"] in path.read_text(), timeout=5, what="the task's id in the log")
