"""G18: three log files, and the same lines on stderr."""

from __future__ import annotations

import uuid

import pytest

from app.core.security import shown_prefix
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


def _line_with(stack: Stack, file: str, word: str) -> str:
    def found() -> list[str]:
        lines = (stack.log_dir / file).read_text().splitlines()
        return [line for line in lines if word in line]

    wait_until(found, timeout=5, what=f"a line with {word} in {file}")
    return found()[0]


def test_g18_a_line_of_task_code_says_of_which_task_and_attempt(stack: Stack) -> None:
    word = uuid.uuid4().hex
    task = stack.run("say", word)
    line = _line_with(stack, "celery_worker.log", word)
    assert f"task_id={task['id']}" in line
    assert "attempt=1" in line


def test_g18_a_line_of_a_request_says_of_which_and_whose(stack: Stack) -> None:
    word = uuid.uuid4().hex
    me = stack.client.get("/api/v1/users/me", headers={"X-Request-ID": word}).json()
    line = _line_with(stack, "app.log", word)
    assert f"request_id={word}" in line
    assert f"user={me['id']}" in line


def test_g18_the_line_of_a_submission_says_whose_it_is_by_which_token_and_from_where(
    stack: Stack,
) -> None:
    """The audit log has no submissions: this is where those by a stolen token are seen."""
    word = uuid.uuid4().hex
    answer = stack.post("tests.support.tasks.noop", headers={"X-Request-ID": word})
    assert answer.status_code == 201, answer.text
    me = stack.client.get("/api/v1/users/me").json()
    line = _line_with(stack, "app.log", word)
    assert "127.0.0.1" in line
    assert "POST /api/v1/tasks/" in line
    assert f"user={me['id']}" in line
    assert f"token={shown_prefix(stack.token)} " in f"{line} "
    assert stack.token not in line
