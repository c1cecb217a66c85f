"""Watching through trouble: a terminal, Ctrl-C, and an API that goes away."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import ROOT, Process, wait_until
from tests.support.stack import TASKS, Stack

# It speaks to the API alone, which is tested on both kinds of database.
pytestmark = pytest.mark.parametrize("shared_stack", ["postgresql"], indirect=True)


def watching(stack: Stack, output: Path, *words: str) -> Process:
    env = {**stack.env, "TASKCTL_URL": stack.url, "TASKCTL_TOKEN": stack.token}
    return Process([sys.executable, "-m", "app", *words], env=env, output=output)


def test_ctrl_c_leaves_the_task_running_and_says_so(stack: Stack, tmp_path: Path) -> None:
    task = stack.submit("sleep_for", 4)
    process = watching(stack, tmp_path / "out", "watch", task["id"])
    wait_until(lambda: "running" in process.text(), timeout=20, what="watch shows the task")
    process.send(signal.SIGINT)
    assert process.wait(10) == 130
    assert "The task goes on" in process.text()
    assert f"taskctl cancel {task['id']}" in process.text()
    assert "Traceback" not in process.text()
    assert stack.wait_for(task["id"])["status"] == "succeeded"


@pytest.mark.later
def test_watch_resumes_when_the_api_restarts(stack: Stack, tmp_path: Path) -> None:
    task = stack.submit("report_progress", 40, 0.2)
    process = watching(stack, tmp_path / "out", "watch", task["id"])
    wait_until(lambda: "running" in process.text(), timeout=20, what="watch shows the task")
    stack.stop_part("api")
    wait_until(lambda: "does not answer" in process.text(), timeout=20, what="watch says so")
    stack.start_part("api")
    stack.wait_ready()
    assert process.wait(40) == 0, process.text()
    assert "The API answers again." in process.text()
    assert process.text().count("does not answer") == 1
    assert "succeeded" in process.text()


def test_on_a_terminal_a_bar_moves(stack: Stack) -> None:
    env = {**stack.env, "TASKCTL_URL": stack.url, "TASKCTL_TOKEN": stack.token}
    pid, terminal = pty.fork()
    if pid == 0:  # the child: its standard streams are the terminal
        os.chdir(ROOT)
        words = ["-m", "app", "submit", TASKS + "report_progress", "10", "0.1", "--watch"]
        os.execve(sys.executable, [sys.executable, *words], {**env, "TERM": "xterm"})
    shown = _read_to_the_end(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert "━" in shown
    assert "100%" in shown
    assert "\x1b[" in shown
    assert "result: 10" in shown


def _read_to_the_end(terminal: int) -> str:
    parts, end = [], time.monotonic() + 30
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            parts.append(os.read(terminal, 65_536))
        except OSError:  # how Linux says that the other side is closed
            break
        if not parts[-1]:
            break
    os.close(terminal)
    return b"".join(parts).decode(errors="replace")
