"""What a body may raise, or have raised inside it, beyond ordinary exceptions."""

from __future__ import annotations

from typing import Any

from celery.exceptions import Retry


class TaskCancelled(BaseException):
    """The attempt is to stop. A `BaseException`, so that `except Exception` does not swallow it
    and `finally` runs."""


class TaskInterrupted(TaskCancelled):
    """The worker shuts down and gives the attempt back."""


class TaskTimedOut(TaskCancelled):
    """The attempt ran past its hard limit where its process cannot be ended for it alone."""


class AttemptLost(TaskCancelled):
    """The row is no longer this attempt's; whatever it still writes is refused."""


class TrackedRetry(Retry):
    """What `self.retry()` raises in a tracked task: wait `seconds`, perhaps with new arguments."""

    def __init__(
        self,
        exc: Exception | None,
        seconds: float,
        arguments: tuple[list[Any], dict[str, Any]] | None,
    ) -> None:
        super().__init__(exc=exc, when=seconds)  # type: ignore[arg-type]  # a float is a Real
        # As it was raised: what Celery keeps of it has to fit through a pipe.
        self.error = exc
        self.seconds = seconds
        self.arguments = arguments


class DoesNotFit(Exception):
    """The arguments do not fit the function as this worker has it; no line of it has run."""


class RetryLater(Exception):
    """Run this task again in `seconds`; spends no try. Raise it from the body."""

    def __init__(self, seconds: float, message: str = "") -> None:
        super().__init__(message or f"asked to run again in {seconds:g} s")
        self.seconds = max(0.0, float(seconds))
