"""Tasks that the tests run in real workers, loaded through `TASK_MODULES`.

Effects go to a file the caller names, outside every store of the system: one line per event,
`task_id attempt phase pid time`, appended in one write.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from celery import shared_task

from app.core.errors import Invalid
from app.worker import RetryLater, parents, spawn_many


def note(log: str, task_id: object, attempt: object, phase: str) -> None:
    """Append one effect. A single O_APPEND write, so that lines of many processes stay whole."""
    line = f"{task_id} {attempt} {phase} {os.getpid()} {time.time():.6f}\n"
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


@shared_task
def noop() -> None:
    """Do nothing."""


@shared_task
def add(x: int, y: int) -> int:
    """The sum."""
    return x + y


@shared_task
async def add_async(x: int, y: int) -> int:
    """The sum, a moment later, by a coroutine."""
    await asyncio.sleep(0.01)
    return x + y


@shared_task
def total(numbers: list[int]) -> int:
    """The sum of a list: the callback of a chord."""
    return sum(numbers)


@shared_task
def echo(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """What the function was called with."""
    return {"args": list(args), "kwargs": kwargs}


@shared_task
def told_id(value: int, task_id: str | None = None) -> dict[str, Any]:
    """A parameter named `task_id` receives the task's id."""
    return {"value": value, "task_id": task_id}


@shared_task(bind=True)
def facts(self: Any) -> dict[str, Any]:
    """What a bound task knows about itself."""
    return {
        "task_id": None if self.task_id is None else str(self.task_id),
        "attempt": self.attempt,
        "is_cancelled": self.is_cancelled,
        "pid": os.getpid(),
    }


@shared_task(queue="lane")
def in_lane(value: int) -> int:
    """A task whose decorator names its queue."""
    return value


@shared_task(bind=True)
def sleep_for(self: Any, seconds: float, log: str | None = None) -> float:
    """Sleep without asking whether it was cancelled."""
    if log:
        note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    if log:
        note(log, self.task_id, self.attempt, "done")
    return seconds


@shared_task(bind=True)
def fork_and_sleep(self: Any, seconds: float, log: str) -> None:
    """Sleep beside a fork of this process, which has all its open files and outlives it."""
    if os.fork() == 0:
        time.sleep(5)
        os._exit(0)
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)


@shared_task(bind=True, max_retries=9, default_retry_delay=0)
def sturdy_sleep(self: Any, seconds: float, log: str) -> float:
    """The same, and allowed to start again."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    note(log, self.task_id, self.attempt, "done")
    return seconds


@shared_task(bind=True)
def effect(self: Any, log: str, phase: str = "done") -> str:
    """Leave one line in the effect log."""
    note(log, self.task_id, self.attempt, phase)
    return phase


@shared_task
def say(word: str) -> None:
    """Log a line as any library does."""
    logging.getLogger("a.library").warning(word)


@shared_task
def fail(message: str) -> None:
    """Raise `ValueError`."""
    raise ValueError(message)


@shared_task(bind=True, autoretry_for=(ValueError,), max_retries=5, default_retry_delay=0)
def fail_times(self: Any, failures: int, log: str | None = None) -> int:
    """Raise `ValueError` on the first `failures` attempts; retried by the decorator."""
    if log:
        note(log, self.task_id, self.attempt, "start")
    if self.attempt <= failures:
        raise ValueError(f"attempt {self.attempt} fails")
    return int(self.attempt)


@shared_task(bind=True, autoretry_for=(ValueError,), max_retries=5, default_retry_delay=0)
def fail_otherwise(self: Any) -> None:
    """Raise an exception that `autoretry_for` does not name."""
    raise LookupError("not retried")


@shared_task(bind=True, max_retries=3)
def retry_then_succeed(self: Any, failures: int, countdown: float = 0) -> dict[str, int]:
    """Call `self.retry` on the first `failures` attempts."""
    if self.request.retries < failures:
        raise self.retry(countdown=countdown, exc=RuntimeError("once more"))
    return {"attempt": self.attempt, "retries": self.request.retries}


@shared_task(bind=True, autoretry_for=(Exception,), max_retries=1)
def put_off(self: Any, times: int) -> int:
    """Ask to run again later on the first `times` attempts."""
    if self.attempt <= times:
        raise RetryLater(0.1)
    return int(self.attempt)


@shared_task(bind=True)
def cancellable(self: Any, seconds: float, log: str) -> str:
    """Ask every 50 ms whether to stop; `except Exception` must not swallow the answer."""
    note(log, self.task_id, self.attempt, "start")
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.raise_if_cancelled()
            except Exception:  # noqa: BLE001 - the point of the test
                note(log, self.task_id, self.attempt, "swallowed")
            time.sleep(0.05)
    finally:
        note(log, self.task_id, self.attempt, "finally")
    return "finished"


@shared_task(bind=True)
def stubborn(self: Any, seconds: float, log: str) -> str:
    """Swallow whatever is raised into it and go on."""
    note(log, self.task_id, self.attempt, "start")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            time.sleep(0.2)
        except BaseException:  # noqa: BLE001 - the point of the test
            note(log, self.task_id, self.attempt, "ignored")
    note(log, self.task_id, self.attempt, "done")
    return "finished"


@shared_task(bind=True)
def busy(self: Any, log: str) -> int:
    """Spend minutes inside one call into C, where no Python signal handler can run."""
    note(log, self.task_id, self.attempt, "start")
    return sum(range(20_000_000_000))


@shared_task(bind=True)
def spin(self: Any, log: str, seconds: float = 60) -> None:
    """Compute in Python, where an exception can be raised at any line."""
    note(log, self.task_id, self.attempt, "start")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sum(range(1000))


@shared_task(bind=True)
def shell_out(self: Any, log: str) -> None:
    """Start a program and not care about it, then swallow every stop."""
    with subprocess.Popen(["sleep", "60"]):
        note(log, self.task_id, self.attempt, "start")
        while True:
            try:
                time.sleep(0.2)
            except BaseException:  # noqa: BLE001 - the point of the test
                continue


@shared_task(time_limit=1)
def over_hard_limit() -> None:
    """Sleep past the hard limit of its decorator."""
    time.sleep(30)


@shared_task(bind=True, soft_time_limit=1, time_limit=20)
def over_soft_limit(self: Any) -> None:
    """Sleep past the soft limit of its decorator."""
    time.sleep(15)


@shared_task
def big_result(size: int) -> str:
    """A result of `size` characters."""
    return "x" * size


@shared_task
def big_error(size: int) -> None:
    """An exception with a message of `size` characters."""
    raise ValueError("y" * size)


@shared_task
def not_json() -> Any:
    """A result that JSON cannot express."""
    return object()


@shared_task(bind=True)
def log_lines(self: Any, count: int) -> int:
    """Keep `count` lines with the task."""
    for number in range(count):
        self.log(f"line {number}")
    return count


@shared_task(bind=True)
def report_progress(self: Any, steps: int, pause: float = 0.05) -> int:
    """Report each of `steps` equal steps."""
    for step in range(steps):
        self.update_progress(100 * step / steps, f"step {step} of {steps}")
        time.sleep(pause)
    return steps


@shared_task(bind=True)
def kill_self(self: Any, log: str) -> None:
    """SIGKILL the process it runs in."""
    note(log, self.task_id, self.attempt, "start")
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(bind=True, max_retries=9, default_retry_delay=0)
def kill_self_again(self: Any, log: str, deaths: int = 99) -> int:
    """SIGKILL its process on the first `deaths` attempts."""
    note(log, self.task_id, self.attempt, "start")
    if self.attempt <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(self.attempt)


@shared_task(bind=True, max_retries=9, default_retry_delay=0)
def count_on(self: Any, steps: int, log: str, pause: float = 0.1) -> int:
    """Do each step and keep how many are done; a later attempt goes on after those."""
    done = self.checkpoint_state or 0
    note(log, self.task_id, self.attempt, f"from{done}")
    for step in range(done, steps):
        note(log, self.task_id, self.attempt, f"step{step}")
        self.checkpoint(step + 1)
        time.sleep(pause)
    return int(self.attempt)


@shared_task(bind=True)
def keep_and_fail(self: Any, state: Any) -> None:
    """Keep a state and fail for good, saying what was there before."""
    before = self.checkpoint_state
    self.checkpoint(state)
    raise ValueError(f"found {before}")


@shared_task(bind=True)
def what_came_before(self: Any, log: str | None = None) -> list[list[Any]]:
    """How the tasks that this one depends on have ended, in their order."""
    if log:
        note(log, self.task_id, self.attempt, "start")
    return [[each.id, each.status, each.result] for each in self.parents.values()]


@shared_task
def sum_of_parents() -> int:
    """The sum of the results of the tasks that this one depends on."""
    return sum(int(each.result) for each in parents().values())


@shared_task(bind=True)
def split_and_join(self: Any, numbers: list[int]) -> dict[str, Any]:
    """A subtask for each number, and one that waits for all of them and adds them up."""
    parts = self.spawn_many(add, [(number, 0) for number in numbers])
    joined = self.spawn(sum_of_parents, depends_on=parts)
    return {"parts": parts, "joined": joined}


@shared_task(bind=True, max_retries=2, default_retry_delay=0)
def spawn_wrongly(self: Any, function: str, count: int = 1) -> list[str]:
    """Spawn what is refused, and return why."""
    try:
        return list(spawn_many(function, [[]] * count, name="x", tags=["same", "same"]))
    except (Invalid, ValueError) as refused:
        return [type(refused).__name__, str(refused)]


@shared_task(bind=True)
def spawn_for_ever(self: Any, log: str) -> None:
    """Spawn until it is stopped."""
    note(log, self.task_id, self.attempt, "start")
    while True:
        self.spawn_many(noop, [[]] * 50, countdown=3600)


@shared_task
def write_json(path: str, value: Any) -> None:
    """Write a JSON file, for calls whose result nobody keeps."""
    Path(path).write_text(json.dumps(value))


# The stubs know Celery's own options only.
_burst_task: Any = shared_task


@_burst_task(bind=True, burst=True)  # type: ignore[untyped-decorator]
def burst_step(self: Any, log: str, what: str = "", seconds: float = 0.0) -> str:
    """One of many short rows; `what` says what goes wrong with it."""
    note(log, self.task_id, self.attempt, "start")
    time.sleep(seconds)
    if what == "raise" or (what == "raise once" and self.attempt == 1):
        raise ValueError("as planned")
    if what == "die" or (what == "die once" and self.attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "progress":
        self.update_progress(40, "on the way")
        self.log("a line")
    note(log, self.task_id, self.attempt, "done")
    return what


@_burst_task(bind=True, sensitive=("card", "pin"))  # type: ignore[untyped-decorator]
def pay(self: Any, order: int, card: str, pin: int | None = None, tell: bool = False) -> int:
    """Charge a card that nobody is to see, and `tell` everybody all the same."""
    if tell:
        logging.getLogger("shop").warning("charging %s", card)
        self.update_progress(50, f"charging {card}")
        self.log(f"card {card!r}, pin {pin}")
        raise ValueError(f"{card} was refused, pin {pin}")
    return order


@shared_task(bind=True)
def dial(self: Any, address: str) -> None:
    """Tell everybody the address that does not answer, with whatever stands in it."""
    self.update_progress(10, f"dialling {address}")
    self.log(f"dialling {address}")
    raise ConnectionError(f"{address} does not answer")
