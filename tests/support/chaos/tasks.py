"""Tasks for scenarios, loaded through `TASK_MODULES` beside `tests.support.tasks`.

Each writes `start` first and `done` last into the effect log, so that the checker may count
both. The log is the first argument of every one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from celery import shared_task

from tests.support.tasks import note

# Names of the functions below.
NAMES: list[str] = []
# Those of them that end their own process.
DEADLY = ("kills_itself", "kills_its_worker")
# Those of the burst lane, which are claimed together.
BURST = ("burst_short",)


def scenario_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A bound task that keeps the promise above, and is known by its name in scenarios."""

    def register(function: Callable[..., Any]) -> Any:
        NAMES.append(function.__name__)
        make: Any = shared_task
        return make(bind=True, **options)(function)

    return register


@scenario_task()
def short(self: Any, log: str, seconds: float = 0.0) -> float:
    """Take `seconds`; one try unless the submission says otherwise."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    note(log, self.task_id, self.attempt, "done")
    return seconds


@scenario_task(max_retries=9, default_retry_delay=0)
def retryable(self: Any, log: str, seconds: float = 0.0) -> float:
    """The same, and allowed to start again."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    note(log, self.task_id, self.attempt, "done")
    return seconds


@scenario_task(burst=True, max_retries=9, default_retry_delay=0)
def burst_short(self: Any, log: str, seconds: float = 0.0) -> float:
    """The same in the burst lane."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    note(log, self.task_id, self.attempt, "done")
    return seconds


@scenario_task()
def progressing(self: Any, log: str, seconds: float, steps: int = 10) -> int:
    """Report progress on the way and ask whether to stop."""
    note(log, self.task_id, self.attempt, "start")
    for step in range(steps):
        self.raise_if_cancelled()
        self.update_progress(100 * step / steps, f"step {step} of {steps}")
        time.sleep(seconds / steps)
    note(log, self.task_id, self.attempt, "done")
    return steps


@scenario_task(autoretry_for=(ValueError,), max_retries=9, default_retry_delay=0)
def flaky(self: Any, log: str, failures: int, seconds: float = 0.0) -> int:
    """Raise `ValueError` on the first `failures` attempts."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    if self.attempt <= failures:
        raise ValueError(f"attempt {self.attempt} fails")
    note(log, self.task_id, self.attempt, "done")
    return int(self.attempt)


@scenario_task()
def failing(self: Any, log: str, seconds: float = 0.0) -> None:
    """Raise `ValueError` after `seconds`."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    raise ValueError("as planned")


@scenario_task()
def kills_itself(self: Any, log: str, seconds: float = 0.0) -> None:
    """SIGKILL the process it runs in after `seconds`."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


@scenario_task()
def kills_its_worker(self: Any, log: str, victim: str) -> None:
    """SIGKILL the main process of its worker (`parent`), or that and all others (`group`)."""
    note(log, self.task_id, self.attempt, "start")
    if victim == "group":
        os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


@scenario_task()
def hoards(self: Any, log: str, megabytes: int, seconds: float) -> int:
    """Take memory, 20 MB every 50 ms, and keep it for a while."""
    note(log, self.task_id, self.attempt, "start")
    kept = []
    for _ in range(megabytes // 20):
        kept.append(bytearray(b"x") * 20_000_000)
        time.sleep(0.05)
    time.sleep(seconds)
    note(log, self.task_id, self.attempt, "done")
    return len(kept)


@scenario_task()
def busy(self: Any, log: str, rounds: int = 20_000_000_000) -> int:
    """Stay inside one call into C, where no Python signal handler can run."""
    note(log, self.task_id, self.attempt, "start")
    total = sum(range(rounds))
    note(log, self.task_id, self.attempt, "done")
    return total


@scenario_task()
def big_result(self: Any, log: str, size: int) -> str:
    """A result of `size` characters."""
    note(log, self.task_id, self.attempt, "start")
    note(log, self.task_id, self.attempt, "done")
    return "x" * size


@scenario_task()
def many_lines(self: Any, log: str, count: int) -> int:
    """Keep `count` lines with the task."""
    note(log, self.task_id, self.attempt, "start")
    for number in range(count):
        self.log(f"line {number}")
    note(log, self.task_id, self.attempt, "done")
    return count


@scenario_task()
def big_traceback(self: Any, log: str, size: int) -> None:
    """Fail with a message, and so a traceback, of `size` characters."""
    note(log, self.task_id, self.attempt, "start")
    raise ValueError("y" * size)
